"""Upper bounds of an error rate, and the largest share of pairs whose rate can be promised.

Pairs of one query are not independent, so a bound counts them as fewer: as N / d, for the design effect d
of the errors over queries.

Reference: Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934; Korn and
Graubard, Confidence intervals for proportions with small expected number of positive counts estimated from
survey data, Survey Methodology 24, 1998; Angelopoulos et al., Learn then Test, 2021, arXiv 2110.01052;
Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017, arXiv 1705.08500.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from darl.predictions import FloatArray, IntArray

DELTA = 0.05
"""Chance that a promised rate does not hold, over the draw of the validation pairs."""

LOOKS = 20
"""Shares of the pairs that are looked at: 5 %, 10 %, ..., 100 %."""

STARTS = (2, 4, 8, 14)
"""Looks from which the share is widened, look by look, until a bound is beyond the limit. Each start gets its
part of DELTA, and nothing is paid for the looks that follow it (fixed-sequence testing)."""


def upper_bounds(errors: FloatArray, n: FloatArray, delta: float) -> FloatArray:
    """The error rates that are not exceeded with confidence 1 - delta, after `errors` among `n`; 1 for none.

    >>> upper_bounds(np.array([0.0, 2.0]), np.array([100.0, 2.0]), 0.05).round(4)
    array([0.0295, 1.    ])
    """
    some = np.maximum(n - errors, 1e-9)  # beta has no distribution without a right pair
    return np.where(errors < n, beta.ppf(1 - delta, errors + 1, some), 1.0)


def design_effect(errors: FloatArray, query_rows: IntArray) -> float:
    """By how much the variance of a mean over pairs grows since pairs come by the query; at least 1.

    d = variance over queries of the mean / (p (1 - p) / N), for the share p of errors. Where p is 0 or 1, or
    with a single query, the pairs of a query are taken for one.

    Args:
        errors: (N,) 0 or 1.
        query_rows: (N,) the query of each pair, 0..Q-1.
    """
    n, p = len(errors), float(errors.mean())
    sizes = np.bincount(query_rows)
    if len(sizes) < 2 or p in (0.0, 1.0):
        return n / len(sizes)
    residuals = np.bincount(query_rows, weights=errors) - p * sizes
    variance = len(sizes) / (len(sizes) - 1) * float(residuals @ residuals) / n**2
    return max(1.0, variance * n / (p * (1 - p)))


class Widest(NamedTuple):
    """The largest share of pairs, from the surest on, whose error rate stays within a limit.

    Attributes:
        size: How many pairs; where no share does, those of the start with the least bound.
        bound: The upper bound of their error rate.
        met: Whether the bound is within the limit.
    """

    size: int
    bound: float
    met: bool


def widest(doubts: FloatArray, errors: FloatArray, query_rows: IntArray, limit: float) -> Widest:
    """How many pairs can be relied on.

    With confidence 95 % over the draw of the queries, the error rate among new pairs with no more doubt than
    the last of them is at most `bound`.

    Args:
        doubts: (N,) larger is less sure, N >= 1; pairs of equal doubt stay together.
        errors: (N,) 0 or 1.
        query_rows: (N,) the query of each pair, 0..Q-1.
        limit: The error rate that is allowed.
    """
    order = np.argsort(doubts, kind="stable")
    doubts, totals = doubts[order], np.cumsum(errors[order])
    effect = design_effect(errors, query_rows)
    steps = np.ceil(len(doubts) * np.arange(1, LOOKS + 1) / LOOKS).astype(np.int64)
    sizes = np.searchsorted(doubts, doubts[steps - 1], side="right")
    bounds = upper_bounds(totals[sizes - 1] / effect, sizes / effect, DELTA / len(STARTS))
    ends = [_last_within(bounds <= limit, start - 1) for start in STARTS]
    if (chosen := max(ends)) >= 0:
        return Widest(int(sizes[chosen]), float(bounds[chosen]), met=True)
    nearest = min((start - 1 for start in STARTS), key=lambda look: float(bounds[look]))
    return Widest(int(sizes[nearest]), float(bounds[nearest]), met=False)


def _last_within(within: npt.NDArray[np.bool_], start: int) -> int:
    """The last look of the unbroken row of looks within the limit that begins at `start`; -1 for none."""
    beyond = np.flatnonzero(~within[start:])
    length = int(beyond[0]) if len(beyond) else len(within) - start
    return start + length - 1 if length else -1
