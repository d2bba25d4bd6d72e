"""Pairwise accuracy: how often the score puts two items of a query that are one grade apart in their order.

    accuracy = ([score_i > score_j] + [score_i = score_j] / 2) averaged over all (i, j) of one query with
               grade_i = grade_j + 1

0 to 1; 0.5 is chance. Adjacent grades are the hard ones to tell apart; whether the ends of the scale are in
order says AUC. Every two items weigh alike, so that a query weighs by how many it has: unlike nDCG it is
no mean over queries.

Reference: the share of concordant pairs, as in Kendall, A New Measure of Rank Correlation, Biometrika 30,
1938; within queries Joachims, Optimizing search engines using clickthrough data, KDD 2002.
"""

from __future__ import annotations

import numpy as np

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.predictions import FloatArray


def _by_query(judged: Judged) -> FloatArray:
    """(2, Q) what each query has in order (ties half), and how many twos of items one grade apart it has."""
    order = np.lexsort((judged.scores, judged.grades, judged.query_rows))
    rows, grades = judged.query_rows[order], judged.grades[order]
    scores = judged.scores[order]
    found = np.zeros((2, judged.n_queries))
    # Scores rise within a run of one query and one grade, and its neighbour is of the next grade it has.
    starts = (
        np.flatnonzero(np.append(True, (np.diff(rows) > 0) | (np.diff(grades) > 0))) if len(rows) else rows
    )
    ends = np.append(starts[1:], len(rows))
    for a, b, c in zip(starts[:-1], starts[1:], ends[1:], strict=True):
        if rows[a] == rows[b] and grades[b] == grades[a] + 1:
            lower, upper = scores[a:b], scores[b:c]
            below = np.searchsorted(lower, upper, side="left") + np.searchsorted(lower, upper, side="right")
            found[:, rows[a]] += below.sum() / 2, len(lower) * len(upper)
    return found


def _statistic(judged: Judged) -> Statistic:
    """Sums (2, R): twos of items in order (ties half), and all of them."""
    return query_sums(_by_query(judged))


def _n(judged: Judged) -> int:
    """Queries that have items of adjacent grades."""
    return int((_by_query(judged)[1] > 0).sum())


def _undefined(judged: Judged) -> str:
    return "" if _n(judged) else "no query has two items of adjacent grades"


def _left_out(judged: Judged) -> str:
    missing = judged.n_queries - _n(judged)
    if not missing:
        return ""
    return f"{missing} of {judged.n_queries} queries have no items of adjacent grades and are left out"


PAIRWISE = Metric(
    name="pairwise",
    title="Pairwise accuracy",
    meaning="Share of twos of a query's items, one grade apart, that the score has in order; 0.5 is chance.",
    statistic=_statistic,
    from_sums=lambda sums: ratio(sums[0], sums[1]),
    undefined=_undefined,
    left_out=_left_out,
    n=_n,
)
