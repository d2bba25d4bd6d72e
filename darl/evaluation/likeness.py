"""How far one model says what another says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from darl.evaluation.judged import judge
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.predictions import FloatArray, Predictions


class Likeness(NamedTuple):
    """A student beside its teacher, on pairs that the student has not learnt; NaN where undefined.

    Attributes:
        pairs: How many.
        accuracy: Share of pairs to which both give the same grade, the most probable one.
        qwk: Weighted kappa of these grades, at most 1; 0 is chance.
        pairwise: Share of twos of a query's items, one grade apart for the teacher, that the student's scores
            have in order; 0.5 is chance.
        spearman: Rank correlation of the scores, -1 to 1.
        ece: Calibration error of the student's probabilities, the teacher's grade taken as right; 0 is best.
        distance: Mean total variation distance of the probabilities, sum_k |p_k - q_k| / 2, 0 to 1.
    """

    pairs: int
    accuracy: float
    qwk: float
    pairwise: float
    spearman: float
    ece: float
    distance: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it: None for NaN."""
        return {name: None if value != value else value for name, value in self._asdict().items()}


def likeness(
    taught: Sequence[GradedPair],
    grade_probs: FloatArray,
    scores: FloatArray,
    student: Predictions,
    scale: GradeScale,
) -> Likeness:
    """The student's predictions beside what the teacher says of the same N pairs.

    Args:
        taught: N pairs with the teacher's most probable grades.
        grade_probs: (N, K) the teacher's probabilities.
        scores: (N,) its scores.
        student: The student's predictions.
        scale: The grades of both.
    """
    judged, known = judge(taught, student), metrics_for(scale)
    values = {name: known[name].value(judged) for name in ("accuracy", "qwk", "pairwise", "ece")}
    gap = np.abs(student.grade_probs.astype(np.float64) - grade_probs).sum(axis=1) / 2
    return Likeness(
        pairs=len(taught),
        spearman=_rank_correlation(scores, student.scores),
        distance=float(gap.mean()) if len(gap) else float("nan"),
        **values,
    )


def _rank_correlation(first: FloatArray, second: FloatArray) -> float:
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)
