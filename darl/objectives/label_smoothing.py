"""Cross-entropy against targets that leak to all grades alike."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ClassObjective
from darl.objectives.class_weights import check_class_weights, weighted_mean
from darl.objectives.logits import widened


class LabelSmoothing(ClassObjective):
    """Cross-entropy with a share of each target spread evenly over all K grades, the true one too.

    target_ik = (1 - smoothing) [k = grade_i] + smoothing / K;
    loss = mean_i -sum_k target_ik log softmax(logits_i)_k;  grade_probs = softmax(logits).

    | grades in   | one-hot, mixed with the uniform distribution                       |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | less over-confident models; annotators who err, whatever the grade |
    | fails where | grades are ordered: a far grade gets as much as the next one       |
    |             | (soft_grades differs in that alone); a detector reads the size of  |
    |             | the logits, which it keeps small                                   |

    Args:
        smoothing: The share, in [0, 1); 0 is the softmax objective.
        class_weights: What each grade's pairs count, K numbers > 0 (see class_weights.py); None: alike. The
            whole cost of a pair is weighted by its own grade.

    Raises:
        ValueError: `smoothing` is not in [0, 1), or `class_weights` are no such numbers.

    Reference: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for
    Computer Vision", 2015, arXiv 1512.00567.
    """

    def __init__(self, smoothing: float = 0.1, class_weights: Sequence[float] | None = None) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing: expected 0 <= smoothing < 1, received {smoothing}")
        self.smoothing = smoothing
        self.class_weights = check_class_weights(class_weights)

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy against the smoothed targets."""
        logits = widened(logits)
        costs = F.cross_entropy(logits, grades, label_smoothing=self.smoothing, reduction="none")
        return weighted_mean(costs, grades, logits.shape[-1], self.class_weights)
