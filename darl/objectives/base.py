"""What a model's logits mean: loss and decoding in one object, so that the wrong pair cannot be built."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.class_weights import class_weight_faults
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
        shares_row: Whether the head has one row of weights for all logits, which then differ by their
            biases alone.
        compares_items: Whether the loss is of items of one query with each other: a batch without two of
            them says nothing.
        sees_grades: Whether the loss depends on the grades; otherwise it can only be a term beside one
            that does.
    """

    class_logits: bool
    shares_row: bool = False
    compares_items: bool = False
    sees_grades: bool = True

    @abstractmethod
    def n_logits(self, n_grades: int) -> int:
        """How many logits the head must give for `n_grades` grades."""

    @abstractmethod
    def from_classes(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """How its logits follow from K class logits z, to first order about equal ones: M z + c.

        A head that starts so says what its class head would say.

        Returns:
            (n_logits, K) M and (n_logits,) c, float32.
        """

    def faults(self, n_grades: int) -> list[str]:
        """Why it cannot be trained on `n_grades` grades, each as a sentence; empty where it can."""
        return []

    @abstractmethod
    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar >= 0 with gradient."""

    @abstractmethod
    def grade_probs(self, logits: Tensor) -> Tensor:
        """(B, K) probabilities of the grades."""


class ClassObjective(Objective):
    """An objective of K class logits, one a grade, decoded by a softmax."""

    class_logits = True
    class_weights: tuple[float, ...] | None = None

    def n_logits(self, n_grades: int) -> int:
        """K."""
        return n_grades

    def from_classes(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """They are the class logits."""
        return torch.eye(n_grades), torch.zeros(n_grades)

    def faults(self, n_grades: int) -> list[str]:
        """Other than one class weight a grade."""
        return class_weight_faults(self.class_weights, n_grades)

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Softmax over the grades."""
        return widened(logits).softmax(dim=-1)


class ThresholdObjective(Objective):
    """An objective of K - 1 logits, each a yes or no: is the grade above threshold k?"""

    class_logits = False

    def n_logits(self, n_grades: int) -> int:
        """K - 1."""
        return n_grades - 1

    def from_classes(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """log(P(yes) / P(no)) = log sum_yes e^z - log sum_no e^z, the means' difference to first order.

        M_k = 1 / n_yes on the grades that answer yes, -1 / n_no on those that answer no;
        c_k = log(n_yes / n_no). With two grades it is exact.
        """
        yes, no = self.answers(n_grades)
        n_yes, n_no = yes.sum(dim=1, keepdim=True), no.sum(dim=1, keepdim=True)
        return yes / n_yes - no / n_no, (n_yes / n_no).log().squeeze(1)

    @abstractmethod
    def answers(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """(K - 1, K) which grades answer each question with yes, and which with no; bool."""


def threshold_costs(logits: Tensor, grades: Tensor) -> Tensor:
    """(B, K - 1) cross-entropy of each answer: [grade > k] against sigmoid(logits)."""
    logits = widened(logits)
    thresholds = torch.arange(logits.shape[-1], device=logits.device)
    above = (grades[:, None] > thresholds[None, :]).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, above, reduction="none")
