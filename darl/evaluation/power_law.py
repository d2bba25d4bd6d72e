"""The power law of learning: how an error falls with the number of labels, fitted to a few points.

error(n) = a + b (n / n_1)^-c, with a >= 0 what no label takes away, b >= 0 what labels can still win at the
first point n_1, c > 0 how fast. It never rises.

References: Hestness et al., Deep learning scaling is predictable, empirically, 2017, arXiv 1712.00409;
weighted fits: Figueroa et al., Predicting sample size required for classification performance, BMC Medical
Informatics and Decision Making 12:8, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darl.errors import ShapeError
from darl.predictions import FloatArray

MIN_POINTS = 3
# Of what falls between the first and the last point, exp(-k) is left at the last: from a curve that is
# straight in log n to one that is done at the second point.
SLOWEST, FASTEST = 0.02, 20.0
GRID, ZOOMS = 40, 4


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """R fitted curves.

    Attributes:
        start: n_1, where the curves begin.
        a: (R,) the error that stays.
        b: (R,) the error at n_1 above it.
        c: (R,) the rate.
    """

    start: float
    a: FloatArray
    b: FloatArray
    c: FloatArray

    def __call__(self, n: float) -> FloatArray:
        """(R,) the error of each curve at n labels."""
        found: FloatArray = self.a + self.b * (n / self.start) ** -self.c
        return found


def fit_power_law(n: FloatArray, errors: FloatArray) -> PowerLaw:
    """The curves nearest to the points: least squares, where point i of P counts i / P.

    For a given c, a and b are a linear problem with a solution in closed form; c is searched on a grid that
    is narrowed around the best.

    Args:
        n: (P,) labels, positive and increasing; P >= 3.
        errors: (R, P) errors, >= 0; each row is fitted on its own. A row with a NaN gives a curve of NaN.

    Raises:
        ShapeError: Fewer than three points, points out of order, or negative errors.
    """
    _check(n, errors)
    t = np.log(n / n[0]) / np.log(n[-1] / n[0])
    weights = np.arange(1, len(n) + 1) / len(n)
    weights = weights / weights.sum()
    logs = np.tile(np.linspace(np.log(SLOWEST), np.log(FASTEST), GRID), (len(errors), 1))
    rows = np.arange(len(errors))
    for _ in range(ZOOMS):
        a, b, loss = _linear(np.exp(-np.exp(logs)[..., None] * t), errors[:, None, :], weights)
        best = np.argmin(loss, axis=1)
        k, a, b = np.exp(logs[rows, best]), a[rows, best], b[rows, best]
        low, high = logs[rows, np.maximum(best - 1, 0)], logs[rows, np.minimum(best + 1, GRID - 1)]
        logs = np.linspace(low, high, GRID, axis=1)
    return PowerLaw(float(n[0]), a, b, k / np.log(n[-1] / n[0]))


def _linear(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Least squares of y = a + b x with a, b >= 0 along the last axis, and what is left.

    Of two bounds, the one that the free solution breaks is the one that holds.
    """
    mean_x, mean_y = x @ weights, y @ weights
    apart = x - mean_x[..., None]
    b = ((apart * y) @ weights) / (apart**2 @ weights)
    a = mean_y - b * mean_x
    a, b = (
        np.where(b < 0, mean_y, np.maximum(a, 0)),
        np.where(a < 0, ((x * y) @ weights) / (x**2 @ weights), np.maximum(b, 0)),
    )
    loss = (y - a[..., None] - b[..., None] * x) ** 2 @ weights
    return a, b, loss


def _check(n: FloatArray, errors: FloatArray) -> None:
    if len(n) < MIN_POINTS or errors.shape[1:] != n.shape:
        raise ShapeError(
            f"learning curve: expected at least {MIN_POINTS} points and (R, {len(n)}) errors, received "
            f"{errors.shape}"
        )
    if n[0] <= 0 or not (np.diff(n) > 0).all():
        raise ShapeError(f"learning curve: expected positive, increasing labels, received {n.tolist()}")
    if (errors < 0).any():
        raise ShapeError(f"learning curve: expected errors of 0 or above, received {np.nanmin(errors)}")
