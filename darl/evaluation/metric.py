"""What a metric is: its point value, and its value under resamples of queries.

Shapes: N pairs, Q queries, K grades, R resamples, S sums.

A resample draws Q queries with replacement. It is held as counts (Q, R): how often each query was
drawn in each of R resamples. A metric is a function of S sums that are linear in those counts (or, for
AUC and AURC, made of running totals of them), so a thousand resamples cost one matrix product and no copy
of the pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darl.evaluation.judged import Judged
from darl.predictions import FloatArray

#: counts (Q, R) -> sums (S, R), for one judged slice.
Statistic = Callable[[FloatArray], FloatArray]

Numbers = npt.NDArray[np.number]


def always_defined(judged: Judged) -> str:
    """Why a metric that only needs a pair is undefined: no pair."""
    return "" if len(judged) else "the slice has no pairs"


def nothing_left_out(judged: Judged) -> str:
    """The remark of a metric that rests on every pair: none."""
    return ""


@dataclass(frozen=True)
class Metric:
    """A named number that says how well gold grades are predicted.

    Attributes:
        name: What rows, options and JSON call it.
        title: What people read in a table.
        meaning: One sentence: what it measures, its formula and range.
        statistic: Prepares a judged slice. Metrics that share the function share its work.
        from_sums: (S, R) sums of the statistic to (R,) values; NaN where the metric is undefined.
        undefined: Why the metric is undefined on a slice, "" where it is defined. Gold alone decides.
        left_out: What a defined value leaves out, "" where it rests on every pair.
        n: How many units the value rests on.
        point: scikit-learn's computation, for the metrics that it has; else the sums give the value.
        larger_is_better: Which way is up.
    """

    name: str
    title: str
    meaning: str
    statistic: Callable[[Judged], Statistic]
    from_sums: Callable[[FloatArray], FloatArray]
    undefined: Callable[[Judged], str] = always_defined
    left_out: Callable[[Judged], str] = nothing_left_out
    n: Callable[[Judged], int] = len
    point: Callable[[Judged], float] | None = None
    larger_is_better: bool = True

    def value(self, judged: Judged, statistic: Statistic | None = None) -> float:
        """The metric on the whole slice; NaN where `undefined` gives a reason.

        Args:
            judged: The slice.
            statistic: What `self.statistic(judged)` gave, to spare a second computation.
        """
        if self.undefined(judged):
            return float("nan")
        if self.point is not None:
            return float(self.point(judged))
        prepared = statistic or self.statistic(judged)
        return float(self.from_sums(prepared(np.ones((judged.n_queries, 1))))[0])


def query_sums(by_query: FloatArray) -> Statistic:
    """A statistic that is a sum over queries.

    Args:
        by_query: (S, Q) what each query adds to each of the S sums.
    """
    return lambda counts: by_query @ counts


def ratio(numerator: Numbers, denominator: Numbers) -> FloatArray:
    """The quotient, NaN where the denominator is not positive.

    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    values = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=values, where=denominator > 0)
    return values
