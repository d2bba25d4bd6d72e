"""How much of a distance between two models a third one closes.

share = (own - floor) / (ceiling - floor), and the same in each resample, of which the percentiles are the
interval. It has a meaning only where there is a distance: where the ceiling is significantly better than the
floor. Resamples without one then are few (at most half of what lies outside the interval of the distance),
and are left out, for there a share would have the wrong sign.

Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 10.3 (ratios) and 13.3.
"""

from __future__ import annotations

import numpy as np

from darl.evaluation.estimate import Estimate
from darl.evaluation.metric import Metric, ratio

NO_DISTANCE = "no distance to close"


def share_closed(own: Estimate, floor: Estimate, ceiling: Estimate, metric: Metric, level: float) -> Estimate:
    """The share of the way from `floor` to `ceiling` that `own` has gone: 0 at the one, 1 at the other.

    Args:
        own: The model; below the floor its share is negative, above the ceiling more than 1.
        floor: Where the way begins.
        ceiling: Where it ends. All three are of the same metric under the same resamples.
        metric: Which way is up.
        level: Of the interval that says whether there is a distance.
    """
    sign = 1 if metric.larger_is_better else -1
    gone, way = own.minus(floor), ceiling.minus(floor)
    low, high, reason = way.interval(level)
    nothing = np.full_like(gone.replicates, np.nan)
    if gone.value is None or way.value is None or low is None or high is None:
        return Estimate(None, (), nothing, gone.n, reason or gone.reason)
    if not (low > 0 if sign > 0 else high < 0):
        return Estimate(None, (), nothing, gone.n, NO_DISTANCE)
    shares = ratio(sign * gone.replicates, sign * way.replicates)
    return Estimate(gone.value / way.value, (), shares, gone.n, gone.reason)
