"""Cuts of the score for macro-F1."""

from __future__ import annotations

from darl.calibration.cuts import best_cuts
from darl.calibration.decision import CutDecision
from darl.predictions import FloatArray, IntArray


class MacroF1(CutDecision):
    """The cuts of the score with the largest macro-F1 on the validation pairs, found by exact search.

    Macro-F1 gives each grade the same weight, so a rare grade is given more readily than where it is the
    most probable. The best on the validation pairs is not the best elsewhere: below some hundred pairs the
    cuts follow chance, and on traffic with other shares of the grades others would be better.

    Reference: Lipton, Elkan and Narayanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure,
    2014, arXiv 1402.1892.
    """

    def _learn(self, scores: FloatArray, grades: IntArray, query_rows: IntArray) -> None:
        self._cuts = best_cuts(scores, grades, self._n_grades)
