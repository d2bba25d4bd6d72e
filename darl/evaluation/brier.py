"""Brier score: squared distance between the predicted probabilities and what is true.

    Brier = mean over pairs of sum_k (p_k - [gold = k])^2

summed over the grades, so 0 (best) to 2. Unlike ECE it rewards telling grades apart as well as
calibration, and it is unbiased on small slices.

Reference: Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review
78(1), 1950.
"""

from __future__ import annotations

import numpy as np

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.grades import GradeScale
from darl.predictions import FloatArray


def squared_errors(judged: Judged) -> FloatArray:
    """(N,) sum over grades of (p_k - [gold = k])^2 of each pair, in [0, 2]."""
    truth = np.eye(judged.n_grades)[judged.grades]
    errors: FloatArray = ((judged.predictions.grade_probs.astype(np.float64) - truth) ** 2).sum(axis=1)
    return errors


def _statistic(judged: Judged) -> Statistic:
    """Sums (2, R): the squared errors and the number of pairs."""
    cell = np.zeros(len(judged), dtype=np.int64)
    return query_sums(
        np.concatenate([judged.sum_by_query(cell, 1, squared_errors(judged)), judged.sum_by_query(cell, 1)])
    )


def _statistic_by_grade(judged: Judged) -> Statistic:
    """Sums (K + 1, R): the squared errors of each grade's probability, and the number of pairs."""
    cell, truth = np.zeros(len(judged), dtype=np.int64), np.eye(judged.n_grades)[judged.grades]
    errors = (judged.predictions.grade_probs.astype(np.float64) - truth) ** 2
    by_grade = [judged.sum_by_query(cell, 1, errors[:, k]) for k in range(judged.n_grades)]
    return query_sums(np.concatenate([*by_grade, judged.sum_by_query(cell, 1)]))


def brier_of(scale: GradeScale, grade: int) -> Metric:
    """The part of the Brier score that is a grade's: the parts of all grades add up to it."""
    name = scale.name(grade)
    return Metric(
        name=f"brier:{name}",
        title=f"Brier of {name}",
        meaning=f"Mean squared error of the probability of {name}; 0 (best) to 1.",
        statistic=_statistic_by_grade,
        from_sums=lambda sums: ratio(sums[grade], sums[-1]),
        larger_is_better=False,
    )


BRIER = Metric(
    name="brier",
    title="Brier",
    meaning="Mean squared distance between grade probabilities and the gold grade; 0 (best) to 2.",
    statistic=_statistic,
    from_sums=lambda sums: ratio(sums[0], sums[1]),
    larger_is_better=False,
)
