"""What a model's logits mean: loss and decoding in one object, so that the wrong pair cannot be built."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


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
