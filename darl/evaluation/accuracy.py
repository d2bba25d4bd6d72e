"""Accuracy: the share of pairs whose predicted grade is the gold grade."""

from __future__ import annotations

from sklearn.metrics import accuracy_score

from darl.evaluation.confusion import as_matrices, confusion, true_positives
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, ratio
from darl.predictions import FloatArray


def _point(judged: Judged) -> float:
    return float(accuracy_score(judged.grades, judged.decided))


def _from_sums(sums: FloatArray) -> FloatArray:
    return ratio(true_positives(as_matrices(sums)).sum(axis=0), sums.sum(axis=0))


ACCURACY = Metric(
    name="accuracy",
    title="Accuracy",
    meaning="Share of pairs whose predicted grade is the gold grade; 0 to 1.",
    statistic=confusion,
    from_sums=_from_sums,
    point=_point,
)
