"""What a model's logits mean: loss and decoding in one object, so that the wrong pair cannot be built."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.logits import widened


class Objective(ABC):
    """A loss over grades and the link from logits back to grade probabilities.

    | inputs                       | shape           |
    |------------------------------|-----------------|
    | logits, any real             | (B, n_logits)   |
    | grades, 0 = least relevant   | (B,) int64      |
    | query_ids, equal = one query | (B,) int64      |
    | loss, mean over the batch    | ()              |
    | grade_probs, rows sum to 1   | (B, K)          |

    Logits of half precision are read as float32.

    Attributes:
        class_logits: Whether logits are K class logits, one a grade. Detectors such as energy mean
            nothing on anything else.
    """

    class_logits: bool

    @abstractmethod
    def n_logits(self, n_grades: int) -> int:
        """How many logits the head must give for `n_grades` grades."""

    @abstractmethod
    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar >= 0 with gradient."""

    @abstractmethod
    def grade_probs(self, logits: Tensor) -> Tensor:
        """(B, K) probabilities of the grades."""


class ClassObjective(Objective):
    """An objective of K class logits, one a grade, decoded by a softmax."""

    class_logits = True

    def n_logits(self, n_grades: int) -> int:
        """K."""
        return n_grades

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Softmax over the grades."""
        return widened(logits).softmax(dim=-1)


class ThresholdObjective(Objective):
    """An objective of K - 1 logits, each a yes or no: is the grade above threshold k?"""

    class_logits = False

    def n_logits(self, n_grades: int) -> int:
        """K - 1."""
        return n_grades - 1


def threshold_costs(logits: Tensor, grades: Tensor) -> Tensor:
    """(B, K - 1) cross-entropy of each answer: [grade > k] against sigmoid(logits)."""
    logits = widened(logits)
    thresholds = torch.arange(logits.shape[-1], device=logits.device)
    above = (grades[:, None] > thresholds[None, :]).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, above, reduction="none")
