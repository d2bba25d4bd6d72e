"""What every decision rule is."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import numpy.typing as npt

from darl.calibration.cuts import LearntCuts, grades_by
from darl.calibration.learnt import Learnt, check_graded
from darl.errors import ShapeError
from darl.predictions import FloatArray, IntArray


class Decision(Learnt, ABC):
    """Which grade is given to a pair, for a goal.

    A rule may read the score, by which results are sorted, and the calibrated probabilities.

    Attributes:
        unmet: Why the goal cannot be met on the pairs it was fitted on, and what can; "" where it can. The
            fitted rule is then the nearest to it.
    """

    unmet: str = ""

    def fit(
        self, scores: FloatArray, grade_probs: FloatArray, grades: IntArray, query_rows: IntArray
    ) -> Self:
        """A fitted copy of this rule.

        Args:
            scores: (N,) the model's scores of N >= 1 validation pairs, in [0, K - 1].
            grade_probs: (N, K) calibrated probabilities.
            grades: (N,) true grades.
            query_rows: (N,) the query of each pair, 0..Q-1.

        Raises:
            ShapeError: Arrays that do not fit together, or arguments that do not fit the K grades.
        """
        check_graded(grade_probs, grades)
        fitted = copy.copy(self)
        fitted._n_grades = grade_probs.shape[1]
        fitted._check_learnt()
        fitted._learn(scores, grades, query_rows)
        return fitted

    def decide(self, scores: FloatArray, grade_probs: FloatArray) -> npt.NDArray[np.int64]:
        """(N,) the grades that are given.

        Raises:
            NotFittedError: This rule is not one that `fit` returned.
            ShapeError: Another number of grades than in `fit`.
        """
        self._check_seen(grade_probs)
        return self._decide(scores, grade_probs)

    def argument_faults(self, n_grades: int) -> list[str]:
        """What of the arguments does not fit a scale of K grades."""
        return []

    def _check_learnt(self) -> None:
        if faults := self.argument_faults(self._n_grades):
            raise ShapeError("; ".join(faults))

    def _learn(self, scores: FloatArray, grades: IntArray, query_rows: IntArray) -> None:
        """Keep what is learnt, as new attributes of this (already copied) rule; may stay empty."""

    @abstractmethod
    def _decide(self, scores: FloatArray, grade_probs: FloatArray) -> npt.NDArray[np.int64]:
        """(N,) grades."""


class CutDecision(LearntCuts, Decision):
    """A rule that cuts the score: a pair that is sorted above another never gets a lower grade.

    A member defines `_learn`, which sets `_cuts`.
    """

    def told(self) -> str:
        """The cuts."""
        return f"grades cut the score at {self._listed()}"

    def _decide(self, scores: FloatArray, grade_probs: FloatArray) -> npt.NDArray[np.int64]:
        return grades_by(self._cuts, scores)
