"""The confusion matrix: how often gold grade i was predicted as grade j."""

from __future__ import annotations

import math

import numpy as np

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Statistic, query_sums
from darl.predictions import FloatArray


def _cells(judged: Judged) -> FloatArray:
    """(K * K, Q) counts; cell i * K + j is gold i, predicted j."""
    k = judged.n_grades
    return judged.sum_by_query(judged.grades * k + judged.decided, k * k)


def confusion(judged: Judged) -> Statistic:
    """Sums (K * K, R): the confusion matrix under resamples, row-major with gold as rows."""
    return query_sums(_cells(judged))


def confusion_matrix(judged: Judged) -> FloatArray:
    """(K, K) pairs of gold grade i (rows) that were predicted as grade j (columns)."""
    pairs: FloatArray = _cells(judged).sum(axis=1)
    return pairs.reshape(judged.n_grades, judged.n_grades)


def as_matrices(sums: FloatArray) -> FloatArray:
    """(K * K, R) sums as (K, K, R) matrices."""
    k = math.isqrt(len(sums))
    return sums.reshape(k, k, -1)


def true_positives(matrices: FloatArray) -> FloatArray:
    """(K, R) the diagonal of (K, K, R) matrices."""
    diagonal: FloatArray = np.einsum("kkr->kr", matrices)
    return diagonal
