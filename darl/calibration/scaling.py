"""Scales and biases of log probabilities, by maximum likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from darl.calibration.base import softmax
from darl.predictions import FloatArray, IntArray

PRIOR = 3.0
"""Weight of (scale - 1)^2 / 2 and bias^2 / 2 beside the likelihood of the pairs: nothing where there are
thousands of them; with a hundred it keeps vector scaling from following chance, and where every pair is right
a scale finite. Of 0.3, 1, 3, 10 and 30 the best on made data of 50 to 1,000 pairs."""

SLOWEST, STEEPEST = 0.05, 20.0
"""Bounds of a scale. A scale is positive: the more probable grade stays it."""


Float64 = npt.NDArray[np.float64]
Bounds = list[tuple[float | None, float | None]]


class Scaling(NamedTuple):
    """q_k in proportion to exp(scale_k log p_k + bias_k).

    Attributes:
        scales: (K,) each in [0.05, 20].
        biases: (K,) any real numbers.
    """

    scales: Float64
    biases: Float64

    def logits(self, log_probs: FloatArray) -> Float64:
        """(N, K) class logits."""
        logits: Float64 = self.scales * log_probs + self.biases
        return logits

    def apply(self, log_probs: Float64) -> Float64:
        """(N, K) probabilities."""
        return softmax(self.logits(log_probs))


def fitted_scale(log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> float:
    """The one scale, without biases, under which the grades are most likely.

    Args:
        log_probs: (N, K) log p.
        grades: (N,) true grades.
        weights: (N,) how many pairs each counts as.
    """
    n_grades = log_probs.shape[1]

    def cost(scale: Float64) -> tuple[float, Float64]:
        scaling = Scaling(np.repeat(scale, n_grades), np.zeros(n_grades))
        loss, errors = likelihood(scaling.logits(log_probs), grades, weights)
        off = scale - 1
        slope = _by_scale(errors, log_probs).sum(keepdims=True)
        return loss + PRIOR * float(off @ off) / 2, slope + PRIOR * off

    return float(least(cost, np.ones(1), [(SLOWEST, STEEPEST)])[0])


def fitted_scaling(log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> Scaling:
    """The scale and the bias of each grade under which the grades are most likely; arguments as above."""
    n_grades = log_probs.shape[1]
    origin = np.concatenate([np.ones(n_grades), np.zeros(n_grades)])

    def cost(parameters: Float64) -> tuple[float, Float64]:
        scaling = Scaling(parameters[:n_grades], parameters[n_grades:])
        loss, errors = likelihood(scaling.logits(log_probs), grades, weights)
        off = parameters - origin
        slopes = np.concatenate([_by_scale(errors, log_probs), errors.sum(axis=0)])
        return loss + PRIOR * float(off @ off) / 2, slopes + PRIOR * off

    bounds: Bounds = [*[(SLOWEST, STEEPEST)] * n_grades, *[(None, None)] * n_grades]
    found = least(cost, origin, bounds)
    return Scaling(found[:n_grades], found[n_grades:])


def likelihood(logits: Float64, grades: IntArray, weights: FloatArray) -> tuple[float, Float64]:
    """Negative log-likelihood of the grades of N pairs, and its gradient by their (N, K) logits."""
    rows = np.arange(len(grades))
    losses = np.logaddexp.reduce(logits, axis=1) - logits[rows, grades]
    errors = softmax(logits)
    errors[rows, grades] -= 1
    errors *= weights[:, None]
    return float(weights @ losses), errors


def _by_scale(errors: Float64, log_probs: FloatArray) -> Float64:
    """(K,) the gradient by the scale of each grade."""
    slopes: Float64 = np.einsum("nk,nk->k", errors, log_probs)
    return slopes


def least(cost: object, start: Float64, bounds: Bounds) -> Float64:
    """Where a convex cost with its gradient is least."""
    options = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9}
    found: Float64 = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return found
