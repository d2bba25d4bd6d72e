"""A cut of the score that keeps a promise of precision."""

from __future__ import annotations

import numpy as np

from darl.calibration.bounds import widest
from darl.calibration.cuts import best_cuts
from darl.calibration.decision import CutDecision
from darl.predictions import FloatArray, IntArray


class Precision(CutDecision):
    """The lowest cut above which at least a share of the pairs is of the grade or above.

    With confidence 95 % over the draw of the validation queries, and not only on these pairs: the cut is the
    lowest that the test in bounds.py allows. The other cuts are
    those with the largest macro-F1 beside it. Where no cut reaches it, the goal is `unmet`, with the largest
    bound that there is.

    Args:
        grade: The grade's index, 1..K-1.
        at_least: The precision that is wanted, in (0, 1).

    Raises:
        ValueError: A grade or a share out of range.
    """

    def __init__(self, grade: int, at_least: float) -> None:
        if isinstance(grade, bool) or not isinstance(grade, int) or grade < 1:
            raise ValueError(f"grade: expected a grade above the lowest, received {grade!r}")
        if isinstance(at_least, bool) or not isinstance(at_least, int | float) or not 0 < at_least < 1:
            raise ValueError(f"at_least: expected a share between 0 and 1, received {at_least!r}")
        self.grade, self.at_least = grade, float(at_least)

    def argument_faults(self, n_grades: int) -> list[str]:
        """A grade that the scale does not have."""
        if self.grade < n_grades:
            return []
        return [f"grade: expected 1..{n_grades - 1}, received {self.grade}"]

    def _learn(self, scores: FloatArray, grades: IntArray, query_rows: IntArray) -> None:
        errors = (grades < self.grade).astype(float)
        found = widest(-scores, errors, query_rows, 1 - self.at_least)
        cut = float(np.sort(scores)[-found.size])
        self._cuts = best_cuts(scores, grades, self._n_grades, {self.grade - 1: cut})
        if not found.met:
            self.unmet = (
                f"precision of at least {self.at_least:g} at grade {self.grade} or above: the validation "
                f"pairs promise {1 - found.bound:.3f} at most, for the {found.size:,} of {len(scores):,} "
                "pairs with the largest scores"
            )
