"""Cross-entropy that turns away from what is right already."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ClassObjective
from darl.objectives.class_weights import check_class_weights, weighted_mean
from darl.objectives.logits import log_misses, widened


class Focal(ClassObjective):
    """Cross-entropy in which a pair counts the less, the more probable its grade is already.

    loss = mean_i (1 - p_i)^gamma (-log p_i), p_i = softmax(logits_i)[grade_i];
    grade_probs = softmax(logits).

    | grades in   | one-hot                                                            |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | many easy pairs that drown few hard ones                           |
    | fails where | hard pairs are wrongly graded ones, which it presses on hardest;   |
    |             | probabilities are needed as they are: it is not least at the       |
    |             | data's own, but mostly at less sure ones; grades are ordered       |

    Args:
        gamma: >= 0, finite; 0 is the softmax objective.
        class_weights: What each grade's pairs count, K numbers > 0 (see class_weights.py), the paper's
            alpha; None: alike.

    Raises:
        ValueError: `gamma` is negative or not finite, or `class_weights` are no such numbers.

    Reference: Lin, Goyal, Girshick, He and Dollar, "Focal Loss for Dense Object Detection", 2017,
    arXiv 1708.02002, which has two classes and a sigmoid.
    """

    def __init__(self, gamma: float = 2.0, class_weights: Sequence[float] | None = None) -> None:
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma: expected a finite number >= 0, received {gamma}")
        self.gamma = gamma
        self.class_weights = check_class_weights(class_weights)

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy of the pairs, each by how far it is from right."""
        logits = widened(logits)
        misses = log_misses(logits).gather(1, grades[:, None]).squeeze(1)
        # Not (1 - p)^gamma: where p is 1 its gradient is infinite for gamma < 1.
        costs = (self.gamma * misses).exp() * F.cross_entropy(logits, grades, reduction="none")
        return weighted_mean(costs, grades, logits.shape[-1], self.class_weights)
