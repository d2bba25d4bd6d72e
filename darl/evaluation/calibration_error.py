"""Expected calibration error: how far confidence is from accuracy.

    ECE = sum_b (n_b / N) |accuracy_b - mean confidence_b|

over 15 bins of equal width on (0, 1], where confidence is the probability of the most probable grade
and accuracy whether that grade is gold; 0 (best) to 1. Bins of equal width have edges that do not move
with the sample. A sum of absolute values cannot fall below 0, so ECE is biased upwards on small slices
and more so under resampling: on a well calibrated model its interval may lie above the value.

Reference: Guo et al., On calibration of modern neural networks, 2017, arXiv 1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, query_sums, ratio
from darl.predictions import FloatArray, IntArray

BINS = 15


def _confidence(judged: Judged) -> npt.NDArray[np.float64]:
    return np.array(judged.predictions.confidence, dtype=np.float64)


def _correct(judged: Judged) -> npt.NDArray[np.float64]:
    return np.array(judged.predictions.grades == judged.grades, dtype=np.float64)


def _bins(confidence: FloatArray) -> IntArray:
    """(N,) the bin b of each confidence: b / 15 < confidence <= (b + 1) / 15."""
    return np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)


def _statistic(judged: Judged) -> Statistic:
    """Sums (15 + 1, R): correct minus confidence of each bin, and the number of pairs."""
    confidence = _confidence(judged)
    differences = judged.sum_by_query(_bins(confidence), BINS, _correct(judged) - confidence)
    pairs = judged.sum_by_query(np.zeros(len(judged), dtype=np.int64), 1)
    return query_sums(np.concatenate([differences, pairs]))


def _from_sums(sums: FloatArray) -> FloatArray:
    return ratio(np.abs(sums[:-1]).sum(axis=0), sums[-1])


class Reliability(NamedTuple):
    """The reliability diagram of a model: 15 bins, NaN in the means of an empty one.

    Attributes:
        confidence: (15,) mean confidence of each bin.
        accuracy: (15,) share of right grades in each bin.
        share: (15,) share of the pairs in each bin.
    """

    confidence: FloatArray
    accuracy: FloatArray
    share: FloatArray


def reliability(runs: Sequence[Judged]) -> Reliability:
    """The reliability diagram of a model's runs, their pairs pooled."""
    confidence = np.concatenate([_confidence(judged) for judged in runs])
    correct = np.concatenate([_correct(judged) for judged in runs])
    bins = _bins(confidence)
    pairs = np.bincount(bins, minlength=BINS)
    return Reliability(
        ratio(np.bincount(bins, weights=confidence, minlength=BINS), pairs),
        ratio(np.bincount(bins, weights=correct, minlength=BINS), pairs),
        pairs / max(len(bins), 1),
    )


ECE = Metric(
    name="ece",
    title="ECE",
    meaning="Mean distance between confidence and accuracy over 15 bins of equal width; 0 (best) to 1.",
    statistic=_statistic,
    from_sums=_from_sums,
    larger_is_better=False,
)
