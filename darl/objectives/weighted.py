"""Several objectives at once, on the same logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from darl.objectives.base import Objective
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades

PROBED_GRADES = 3


class Weighted(Objective):
    """A weighted sum of losses that read the same logits alike.

    loss = sum_t weight_t loss_t;  grade_probs are those of the first term.

    | grades in   | as each term reads them                                            |
    |-------------|--------------------------------------------------------------------|
    | logits      | as each term reads them, all alike                                 |
    | good for    | a pointwise loss that learns what a grade is, and beside it one    |
    |             | that sees distance or order                                        |
    | fails where | terms are of other sizes than their weights suggest: look at each  |
    |             | alone first; terms that pull apart, as then neither is reached     |

    Args:
        terms: At least one objective; `SoftGrades()` and `InQueryContrast()` if None.
        weights: One for each term, finite, >= 0, not all 0; each 1 if None. They need not sum to 1, and
            are worth as much as a learning rate where they do not.

    In a config it may be written as the list of its terms, each with its weight, 1 if none is given:

        objective: [{name: soft_grades}, {name: in_query_contrast, weight: 0.2}]

    Attributes:
        class_logits: As the terms have it; `shares_row` too.
        compares_items: Whether one of the terms with a weight does.
        sees_grades: Whether one of the terms with a weight does.

    Raises:
        ValueError: No terms, one that is none, terms that want other logits than the first or decode them
            otherwise, or weights that are none or not as many.
    """

    nested: ClassVar[frozenset[str]] = frozenset({"terms"})

    def __init__(
        self, terms: Sequence[Objective] | None = None, weights: Sequence[float] | None = None
    ) -> None:
        terms = [SoftGrades(), InQueryContrast()] if terms is None else terms
        _check_terms(terms)
        weights = [1.0] * len(terms) if weights is None else weights
        _check_weights(weights, len(terms))
        self.terms, self.weights = tuple(terms), tuple(weights)
        self.class_logits, self.shares_row = self.terms[0].class_logits, self.terms[0].shares_row
        counting = [term for weight, term in zip(weights, terms, strict=True) if weight]
        self.compares_items = any(term.compares_items for term in counting)
        self.sees_grades = any(term.sees_grades for term in counting)

    def n_logits(self, n_grades: int) -> int:
        """As many as each term wants."""
        return self.terms[0].n_logits(n_grades)

    def from_classes(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """As the terms have it."""
        return self.terms[0].from_classes(n_grades)

    def faults(self, n_grades: int) -> list[str]:
        """Those of the terms, each with its place."""
        return [
            f"terms[{place}]: {fault}"
            for place, term in enumerate(self.terms)
            for fault in term.faults(n_grades)
        ]

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """The weighted sum of the terms' losses."""
        losses = [term.loss(logits, grades, query_ids) for term in self.terms]
        return torch.stack([weight * loss for weight, loss in zip(self.weights, losses, strict=True)]).sum()

    def grade_probs(self, logits: Tensor) -> Tensor:
        """As the first term decodes them."""
        return self.terms[0].grade_probs(logits)


def _check_terms(terms: Sequence[Objective]) -> None:
    if not isinstance(terms, list | tuple) or not terms:
        raise ValueError(f"terms: expected a list of at least one objective, received {terms!r}")
    for place, term in enumerate(terms):
        if not isinstance(term, Objective):
            raise ValueError(f"terms[{place}]: expected an objective, received {term!r}")
        _check_alike(terms[0], term, place)


def _check_alike(first: Objective, term: Objective, place: int) -> None:
    """Refuse a term that wants other logits than the first, or takes them to mean something else."""
    expected, received = first.n_logits(PROBED_GRADES), term.n_logits(PROBED_GRADES)
    if received != expected:
        raise ValueError(
            f"terms[{place}]: expected {expected} logits for {PROBED_GRADES} grades, as terms[0] wants, "
            f"received {received}"
        )
    probe = torch.linspace(-2.0, 1.0, expected)[None, :]
    if not torch.allclose(first.grade_probs(probe), term.grade_probs(probe)):
        raise ValueError(
            f"terms[{place}]: expected the decoding of terms[0], {type(first).__name__}, "
            f"received that of {type(term).__name__}"
        )


def _check_weights(weights: Sequence[float], n_terms: int) -> None:
    if (
        not isinstance(weights, list | tuple)
        or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in weights)
        or not all(0 <= one < math.inf for one in weights)
        or not any(weights)
    ):
        raise ValueError(f"weights: expected finite numbers >= 0, not all 0, received {weights!r}")
    if len(weights) != n_terms:
        raise ValueError(f"weights: expected {n_terms} numbers, one for each term, received {len(weights)}")
