"""AURC: what is wrong among the surest, averaged over how many of them are kept.

    risk(i) = share of wrong grades among the i surest pairs,   AURC = 1/N sum over i = 1..N of risk(i)

the area under the risk-coverage curve, where confidence is the probability of the most probable grade. 0
(nothing is wrong) to 1; a model that is wrong as often whatever its confidence gets its error rate. A model
that is wrong less often has a smaller one too: it is no measure of confidence alone.

Pairs of equal confidence are kept in no order: the value is the mean over their orders.

Reference: Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, 2018,
arXiv 1805.08206.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, ratio
from darl.predictions import FloatArray, IntArray


def _statistic(judged: Judged) -> Statistic:
    """Sums (2, R): risk(i) added up over i, and the number of pairs.

    With n_t and e_t the pairs and the wrong ones among those of the t-th largest confidence, n and e those
    before them, and h(m) = 1 + 1/2 + ... + 1/m, those of one level add

        sum over i = n + 1 .. n + n_t of (e + (i - n) e_t / n_t) / i
            = e_t + (e - n e_t / n_t) (h(n + n_t) - h(n))
    """
    _, level = np.unique(-judged.predictions.confidence, return_inverse=True)
    order = np.argsort(level, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(level[order]) > 0, True)) if len(order) else order
    rows, wrong = judged.query_rows[order], (judged.predictions.grades != judged.grades)[order]

    def sums(counts: FloatArray) -> FloatArray:
        drawn = counts[rows]
        pairs, errors = (_after_each(values, ends) for values in (drawn, drawn * wrong[:, None]))
        n_t, e_t = np.diff(pairs, axis=0), np.diff(errors, axis=0)
        even = np.divide(e_t, n_t, out=np.zeros_like(e_t), where=n_t > 0)
        # h(m) and digamma(m + 1) are apart by a constant.
        risks = e_t + (errors[:-1] - pairs[:-1] * even) * np.diff(digamma(pairs + 1), axis=0)
        return np.stack([risks.sum(axis=0), pairs[-1]])

    return sums


def _after_each(values: FloatArray, ends: IntArray) -> FloatArray:
    """(T + 1, R) running totals of (N, R) values: 0, and after each of T levels that end at `ends`."""
    totals = np.zeros((len(ends) + 1, values.shape[1]))
    totals[1:] = values.cumsum(axis=0)[ends]
    return totals


AURC = Metric(
    name="aurc",
    title="AURC",
    meaning="Share of wrong grades among the surest pairs, averaged over how many are kept; 0 (best) to 1.",
    statistic=_statistic,
    from_sums=lambda sums: ratio(sums[0], sums[1]),
    larger_is_better=False,
)
