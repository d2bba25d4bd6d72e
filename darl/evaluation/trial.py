"""How far a list of probable errors is to be trusted: grades are made wrong on purpose, and looked for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from darl.evaluation.label_errors import LabelErrors
from darl.predictions import IntArray


class Trial(NamedTuple):
    """What became of n grades that were made wrong among N.

    What was wrong before counts against the list, so that it is better than these numbers, if anything.

    Attributes:
        pairs: N.
        planted: n.
        found: How many of the n are among the first n of the list, by its order.
        listed: How many of them are among the probable errors at all.
        probable: How many probable errors there are.
    """

    pairs: int
    planted: int
    found: int
    listed: int
    probable: int

    @property
    def precision(self) -> float:
        """Share of the first n of the list that was made wrong, and of what was made wrong that is there."""
        return self.found / self.planted

    @property
    def chance(self) -> float:
        """What that would be in any order: n / N."""
        return self.planted / self.pairs


def made_wrong(
    grades: IntArray, n_grades: int, share: float, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Grades of which some are another one, any other alike, and which these are.

    Args:
        grades: (N,) grades.
        n_grades: K >= 2.
        share: Of the pairs; n = share N, rounded, and at least 1.
        rng: Draws.

    Returns:
        (N,) grades, and (n,) rows.
    """
    rows = rng.choice(len(grades), max(1, round(share * len(grades))), replace=False)
    wrong = grades.copy()
    wrong[rows] = (grades[rows] + rng.integers(1, n_grades, len(rows))) % n_grades
    return wrong, rows


def trial_of(errors: LabelErrors, order: IntArray, planted: IntArray) -> Trial:
    """How the planted errors were found.

    Args:
        errors: What is thought of the grades with the planted ones among them.
        order: (N,) the most suspect first.
        planted: (n,) the rows that were made wrong.
    """
    return Trial(
        len(order),
        len(planted),
        int(np.isin(order[: len(planted)], planted).sum()),
        int(errors.probable[planted].sum()),
        int(errors.probable.sum()),
    )
