"""Cross-entropy over unordered grades: the plain way, and the baseline."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import Objective


class Softmax(Objective):
    """Cross-entropy with one class a grade; every miss costs the same, whatever its distance.

    loss = mean_i -log softmax(logits_i)[grade_i];  grade_probs = softmax(logits).

    | grades in | logits | good for                                              |
    |-----------|--------|-------------------------------------------------------|
    | one-hot   | (B, K) | the baseline: what fine-tuning a classifier gives you |
    """

    class_logits: ClassVar[bool] = True

    def n_logits(self, n_grades: int) -> int:
        """K."""
        return n_grades

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy."""
        return F.cross_entropy(logits, grades)

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Softmax over the grades."""
        return logits.softmax(dim=-1)
