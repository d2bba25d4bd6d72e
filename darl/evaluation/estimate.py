"""A value together with how it varies under resampling, and the arithmetic of such values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darl.predictions import FloatArray


class Interval(NamedTuple):
    """The ends of an interval, or None and the reason why there is none."""

    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of one model on one slice, or a difference of two such.

    Attributes:
        value: The mean over seeds; None where the metric is undefined.
        by_seed: The value of each seed; empty where `value` is None, and for differences.
        replicates: (R,) the value under each resample of queries; NaN where it is undefined there.
        n: How many units (pairs; queries for nDCG) the value rests on.
        reason: Why the value is None, why it can have no interval, or what it leaves out; else "".
    """

    value: float | None
    by_seed: tuple[float, ...]
    replicates: FloatArray
    n: int
    reason: str = ""

    def interval(self, level: float) -> Interval:
        """The percentile interval over the resamples in which the value is defined.

        Args:
            level: The share of the resamples inside, 0.95 for a 95 % interval.

        Returns:
            The interval; its ends are None where the value is, or where fewer than half of the
            resamples define it, since the rest would then be a biased choice.
        """
        if self.value is None:
            return Interval(None, None, self.reason)
        defined = self.replicates[np.isfinite(self.replicates)]
        if not len(defined):
            return Interval(None, None, self.reason)
        if 2 * len(defined) < len(self.replicates):
            return Interval(
                None, None, f"no interval: only {len(defined)} of {len(self.replicates)} resamples define it"
            )
        tail = (1 - level) / 2
        low, high = np.quantile(defined, [tail, 1 - tail])
        return Interval(float(low), float(high), self.reason)

    def minus(self, other: Estimate) -> Estimate:
        """This value minus another, resample by resample.

        It is a paired difference where both were estimated under the same resamples, and that of
        independent samples where they were not; n is the smaller of the two.
        """
        reason = "; ".join(dict.fromkeys(filter(None, (self.reason, other.reason))))
        value = None if self.value is None or other.value is None else self.value - other.value
        return Estimate(value, (), self.replicates - other.replicates, min(self.n, other.n), reason)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of several values, resample by resample; by seed where all have as many seeds.

    Args:
        estimates: At least one, all of as many resamples. Where one is undefined, so is their mean.
    """
    reason = "; ".join(dict.fromkeys(one.reason for one in estimates if one.reason))
    values = [one.value for one in estimates if one.value is not None]
    whole = len(values) == len(estimates)
    seeds = {len(one.by_seed) for one in estimates}
    by_seed = np.mean([one.by_seed for one in estimates], axis=0) if whole and len(seeds) == 1 else ()
    return Estimate(
        float(np.mean(values)) if whole else None,
        tuple(float(one) for one in by_seed),
        np.mean([one.replicates for one in estimates], axis=0),
        min(one.n for one in estimates),
        reason,
    )
