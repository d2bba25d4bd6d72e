"""Cross-entropy over unordered grades: the plain way, and the baseline."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ClassObjective
from darl.objectives.class_weights import check_class_weights, weighted_mean
from darl.objectives.logits import widened


class Softmax(ClassObjective):
    """Cross-entropy with one class a grade; every miss costs the same, whatever its distance.

    loss = mean_i -log softmax(logits_i)[grade_i];  grade_probs = softmax(logits).

    | grades in   | one-hot                                                            |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | the baseline: what fine-tuning a classifier gives you              |
    | fails where | a far miss is worse than a near one, which it does not know;       |
    |             | annotators err, as it grows sure of their errors                   |

    Args:
        class_weights: What each grade's pairs count, K numbers > 0 (see class_weights.py); None: alike.

    Raises:
        ValueError: `class_weights` are no such numbers.
    """

    def __init__(self, class_weights: Sequence[float] | None = None) -> None:
        self.class_weights = check_class_weights(class_weights)

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy."""
        logits = widened(logits)
        if self.class_weights is None:
            return F.cross_entropy(logits, grades)
        costs = F.cross_entropy(logits, grades, reduction="none")
        return weighted_mean(costs, grades, logits.shape[-1], self.class_weights)
