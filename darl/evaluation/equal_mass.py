"""Calibration error over bins that hold equally many pairs: of the confidence, and of each grade.

    ECE = sum_b (n_b / N) |share right in b - mean confidence in b|

over 15 bins of equal mass: their edges are quantiles of what is binned on the whole slice, equal values stay
in one bin, and the edges stay where they are under a resample. Most confidences of a good model lie close to
1, where bins of equal width (calibration_error.py) put nearly all pairs into one. Of a grade, the confidence
is the probability of that grade, and right is whether gold is it; the classwise error is the mean over the
grades. All are biased upwards on small slices, as every sum of absolute values is: `CHANCE_ECE` says how far
a model would seem to err that does not err at all.

Reference: Nguyen and O'Connor, Posterior calibration and exploratory analysis for natural language processing
models, 2015, arXiv 1508.05154; Kull et al., Beyond temperature scaling, 2019, arXiv 1910.12656; for what a
calibrated model shows by chance, Bröcker and Smith, Increasing the reliability of reliability diagrams, 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darl.evaluation.bootstrap import query_counts
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.grades import GradeScale
from darl.predictions import FloatArray, IntArray

BINS = 15

Float64 = npt.NDArray[np.float64]


def mass_edges(values: FloatArray) -> Float64:
    """(B - 1,) the upper edges, each belonging to its bin, of at most 15 bins of equal mass but the last."""
    shares = np.arange(1, BINS) / BINS
    edges: Float64 = np.unique(np.quantile(values.astype(np.float64), shares, method="inverted_cdf"))
    return edges


def _bins(values: FloatArray) -> IntArray:
    """(N,) the bin of each value, 0..14."""
    return np.searchsorted(mass_edges(values), values, side="left") if len(values) else np.empty(0, np.int64)


def _top(judged: Judged) -> tuple[Float64, Float64]:
    """(N,) the confidence, and whether the most probable grade is gold."""
    right = judged.predictions.grades == judged.grades
    return judged.predictions.confidence.astype(np.float64), right.astype(np.float64)


def _of_grade(judged: Judged, grade: int) -> tuple[Float64, Float64]:
    """(N,) the probability of a grade, and whether it is gold."""
    probs = judged.predictions.grade_probs[:, grade].astype(np.float64)
    return probs, (judged.grades == grade).astype(np.float64)


def _differences(judged: Judged, said: Float64, true: Float64) -> FloatArray:
    """(15, Q) true minus said, summed over the pairs of each bin."""
    return judged.sum_by_query(_bins(said), BINS, true - said)


def _pairs(judged: Judged) -> FloatArray:
    return judged.sum_by_query(np.zeros(len(judged), dtype=np.int64), 1)


def _statistic(judged: Judged) -> Statistic:
    """Sums (15 + 1, R): right minus confidence of each bin, and the number of pairs."""
    return query_sums(np.concatenate([_differences(judged, *_top(judged)), _pairs(judged)]))


def _statistic_by_grade(judged: Judged) -> Statistic:
    """Sums (15 K + 1, R): the same of each grade in turn, and the number of pairs."""
    by_grade = [_differences(judged, *_of_grade(judged, k)) for k in range(judged.n_grades)]
    return query_sums(np.concatenate([*by_grade, _pairs(judged)]))


def _error(sums: FloatArray) -> FloatArray:
    return ratio(np.abs(sums[:-1]).sum(axis=0), sums[-1])


def _statistic_by_chance(judged: Judged) -> Statistic:
    """Sums (15 + 1, R): the variance of each bin's rights, were each as likely as said; and the pairs."""
    said, _ = _top(judged)
    variances = judged.sum_by_query(_bins(said), BINS, said * (1 - said))
    return query_sums(np.concatenate([variances, _pairs(judged)]))


def _by_chance(sums: FloatArray) -> FloatArray:
    # The mean absolute value of a normal variable around 0 is sqrt(2 / pi variance).
    return ratio(np.sqrt(2 / np.pi * sums[:-1]).sum(axis=0), sums[-1])


def _classwise(sums: FloatArray) -> FloatArray:
    return _error(sums) / (len(sums) // BINS)


MASS_ECE = Metric(
    name="ece_mass",
    title="ECE, equal mass",
    meaning="Mean distance between confidence and accuracy over 15 bins of equal mass; 0 (best) to 1.",
    statistic=_statistic,
    from_sums=_error,
    larger_is_better=False,
)

CHANCE_ECE = Metric(
    name="ece_chance",
    title="ECE by chance",
    meaning="What a perfectly calibrated model of these confidences would show as ECE on as many pairs, were "
    "they independent: an ECE near it cannot be told from none.",
    statistic=_statistic_by_chance,
    from_sums=_by_chance,
    larger_is_better=False,
)

CLASSWISE_ECE = Metric(
    name="classwise_ece",
    title="Classwise ECE",
    meaning="Mean over grades of the distance between a grade's probability and how often it is gold, over "
    "15 bins of as many pairs each; 0 (best) to 1.",
    statistic=_statistic_by_grade,
    from_sums=_classwise,
    larger_is_better=False,
)


def ece_of(scale: GradeScale, grade: int) -> Metric:
    """The calibration error of one grade's probability; the classwise error is the mean over grades."""
    name = scale.name(grade)
    first = grade * BINS
    return Metric(
        name=f"ece:{name}",
        title=f"ECE of {name}",
        meaning=f"Mean distance between the probability of {name} and how often it is gold; 0 (best) to 1.",
        statistic=_statistic_by_grade,
        from_sums=lambda sums: ratio(np.abs(sums[first : first + BINS]).sum(axis=0), sums[-1]),
        larger_is_better=False,
    )


class Curve(NamedTuple):
    """A reliability curve over B <= 15 bins of equal mass; every bin has a pair.

    Attributes:
        said: (B,) mean confidence, or mean probability of the grade.
        true: (B,) share of right grades, or of pairs whose gold is the grade.
        low: (B,) lower end of its interval over resamples of queries; NaN where there is none.
        high: (B,) upper end.
        pairs: (B,) pairs of the bin.
    """

    said: FloatArray
    true: FloatArray
    low: FloatArray
    high: FloatArray
    pairs: IntArray


def reliability_curve(
    runs: Sequence[Judged],
    grade: int | None = None,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Curve:
    """The reliability of a model's runs on a slice, their pairs pooled.

    Args:
        runs: One for each seed, the same pairs in the same order.
        grade: Of this grade's probability; None = of the confidence.
        rng: Draws the queries of the resamples.
        resamples: How many resamples.
        level: Level of the intervals.
    """
    parts = [_top(judged) if grade is None else _of_grade(judged, grade) for judged in runs]
    said = np.concatenate([part[0] for part in parts])
    if not len(said):
        nothing = np.empty(0)
        return Curve(nothing, nothing, nothing, nothing, nothing.astype(np.int64))
    edges = mass_edges(said)
    n, totals = len(edges) + 1, np.zeros((3, len(edges) + 1, runs[0].n_queries))
    for judged, (values, true) in zip(runs, parts, strict=True):
        bins = np.searchsorted(edges, values, side="left")
        totals += np.stack([judged.sum_by_query(bins, n, weights) for weights in (values, true, None)])
    means = totals.sum(axis=2)
    low, high = _interval(totals[1], totals[2], rng, resamples, level)
    filled = means[2] > 0
    shown = (ratio(means[0], means[2]), ratio(means[1], means[2]), low, high)
    said_mean, true_mean, low, high = (one[filled] for one in shown)
    return Curve(said_mean, true_mean, low, high, means[2][filled].astype(np.int64))


def _interval(
    true: FloatArray, pairs: FloatArray, rng: np.random.Generator, resamples: int, level: float
) -> tuple[FloatArray, FloatArray]:
    """(B,) ends of the intervals of true / pairs, (B, Q) each; NaN with a single query."""
    if true.shape[1] < 2:
        return np.full(len(true), np.nan), np.full(len(true), np.nan)
    chunks = query_counts(true.shape[1], resamples, rng)
    rates = np.concatenate([ratio(true @ counts, pairs @ counts) for counts in chunks], axis=1)
    tail = (1 - level) / 2
    empty = np.isnan(rates).all(axis=1)
    rates[empty] = 0.0  # a bin without a pair, which is left out anyway
    low, high = np.nanquantile(rates, [tail, 1 - tail], axis=1)
    return low, high
