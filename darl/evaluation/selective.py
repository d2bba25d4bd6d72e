"""What is gained by answering only where the model is sure: risk, coverage, and their curve.

Pairs are answered from the least risk on. At coverage c, the share c of the pairs is answered, and the risk
is the error rate among them; pairs of equal risk are in no order, so a part of them counts as their mean.

    AURC = mean over i = 1 ... N of the error rate among the i pairs of least risk

0 (best) to 1: the area under the risk-coverage curve. The excess AURC is what is above the AURC of a model
that makes the same errors and knows all of them: the part that a better order would mend.

Reference: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification, JMLR 11, 2010;
Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, 2019,
arXiv 1805.08206.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.predictions import FloatArray

COVERAGES = (0.5, 0.8, 0.9, 0.95)

Float64 = npt.NDArray[np.float64]


def _wrong(judged: Judged) -> FloatArray:
    return np.array(judged.decided != judged.grades, dtype=np.float64)


class _Groups:
    """Pairs of equal risk, from the least risk on, under resamples.

    Attributes:
        sizes: (G, R) pairs of each group.
        errors: (G, R) wrong ones.
        before: (G, R) pairs of all groups before.
        errors_before: (G, R) wrong ones.
    """

    def __init__(self, sizes: Float64, errors: Float64) -> None:
        self.sizes, self.errors = sizes, errors
        self.before, self.errors_before = sizes.cumsum(axis=0) - sizes, errors.cumsum(axis=0) - errors
        self.rates = np.nan_to_num(ratio(errors, sizes))

    def risk_sum(self) -> Float64:
        """(R,) the sum over i of the error rate among the i first pairs.

        Within a group that is sum_j (E + j m) / (W + j) = g m + (E - m W) (H(W + g) - H(W)) for its g pairs
        of mean error m, behind W pairs with E errors; H(n) = 1 + 1/2 + ... + 1/n.
        """
        ends = (self.before + self.sizes).astype(np.int64)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, ends.max(initial=0) + 1))])
        spread = harmonic[ends] - harmonic[self.before.astype(np.int64)]
        total: Float64 = (self.errors + (self.errors_before - self.rates * self.before) * spread).sum(axis=0)
        return total

    def errors_at(self, coverage: float) -> Float64:
        """(R,) errors among the share `coverage` of the pairs."""
        wanted = coverage * self.sizes.sum(axis=0)
        last = (self.before < wanted - 1e-9).sum(axis=0).clip(1) - 1
        pick = last[None, :]
        before, errors = (np.take_along_axis(one, pick, 0)[0] for one in (self.before, self.errors_before))
        found: Float64 = errors + np.take_along_axis(self.rates, pick, 0)[0] * (wanted - before)
        return found


def _statistic(judged: Judged) -> Statistic:
    """Sums (3 + 4, R): the sum of risks, pairs, errors, and errors at each coverage."""
    order = np.argsort(judged.risk, kind="stable")
    risks = judged.risk[order]
    starts = np.flatnonzero(np.concatenate([[True], risks[1:] > risks[:-1]])[: len(risks)])
    queries, wrong = judged.query_rows[order], _wrong(judged)[order, None]

    def sums(counts: FloatArray) -> FloatArray:
        weights = counts[queries].astype(np.float64)
        groups = _Groups(np.add.reduceat(weights, starts), np.add.reduceat(weights * wrong, starts))
        totals = [groups.risk_sum(), groups.sizes.sum(axis=0), groups.errors.sum(axis=0)]
        return np.stack([*totals, *(groups.errors_at(coverage) for coverage in COVERAGES)])

    return sums


def _excess(sums: FloatArray) -> FloatArray:
    """AURC less the best there is with as many errors: sum_{i=1}^{e} i / (n - e + i), over n."""
    pairs, errors = sums[1].astype(np.int64), sums[2].astype(np.int64)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, pairs.max(initial=0) + 1))])
    right = pairs - errors
    best = errors - right * (harmonic[pairs] - harmonic[right])
    return ratio(sums[0] - best, sums[1])


AURC = Metric(
    name="aurc",
    title="AURC",
    meaning="Mean error rate over all coverages, the surest pairs first; 0 (best) to 1.",
    statistic=_statistic,
    from_sums=lambda sums: ratio(sums[0], sums[1]),
    larger_is_better=False,
)

EXCESS_AURC = Metric(
    name="excess_aurc",
    title="Excess AURC",
    meaning="AURC less that of the same errors in the best order; 0 (best) to 1.",
    statistic=_statistic,
    from_sums=_excess,
    larger_is_better=False,
)


def accuracy_at(place: int) -> Metric:
    """The accuracy on the surest share COVERAGES[place] of the pairs."""
    share = COVERAGES[place]
    return Metric(
        name=f"accuracy@{share:.0%}",
        title=f"Accuracy at {share:.0%}",
        meaning=f"Share of right grades among the {share:.0%} of the pairs of least risk; 0 to 1.",
        statistic=_statistic,
        from_sums=lambda sums: 1 - ratio(sums[3 + place], share * sums[1]),
    )


def _answered(judged: Judged) -> Statistic:
    """Sums (3, R): pairs, pairs that are answered, and answered rightly."""
    cell, answered = np.zeros(len(judged), dtype=np.int64), judged.answered.astype(np.float64)
    right = answered * (1 - _wrong(judged))
    return query_sums(np.concatenate([judged.sum_by_query(cell, 1, one) for one in (None, answered, right)]))


ANSWERED = Metric(
    name="answered",
    title="Answered",
    meaning="Share of the pairs that are given a grade by the model's abstention rule; 0 to 1.",
    statistic=_answered,
    from_sums=lambda sums: ratio(sums[1], sums[0]),
)

ANSWERED_ACCURACY = Metric(
    name="answered_accuracy",
    title="Accuracy of answered",
    meaning="Share of right grades among the pairs that are given one; 0 to 1.",
    statistic=_answered,
    from_sums=lambda sums: ratio(sums[2], sums[1]),
)


def risk_coverage(runs: Sequence[Judged], points: int = 100) -> tuple[FloatArray, FloatArray]:
    """The curve of a model's runs: (points,) coverages up to 1, and the mean over runs of the risk there."""
    coverages = np.arange(1, points + 1) / points
    risks = [_curve(judged, coverages) for judged in runs]
    return coverages, np.mean(risks, axis=0)


def _curve(judged: Judged, coverages: FloatArray) -> FloatArray:
    _, places = np.unique(judged.risk, return_inverse=True)
    sizes = np.bincount(places).astype(np.float64)
    errors = np.bincount(places, weights=_wrong(judged)).astype(np.float64)
    groups = _Groups(sizes[:, None], errors[:, None])
    at = np.array([groups.errors_at(float(coverage))[0] for coverage in coverages])
    return at / (coverages * len(judged))
