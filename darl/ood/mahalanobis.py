"""Mahalanobis distance to the nearest grade."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from darl.ood.base import OODDetector, by_chunks
from darl.predictions import IntArray, Predictions

RIDGE = 1e-6
"""Added to the diagonal of the covariance, as a share of its mean: keeps constant features invertible."""


class Mahalanobis(OODDetector):
    """The distance to the nearest grade's mean, in units of the spread within grades.

    ood_score = min_k (z - m_k)' S^-1 (z - m_k), for features z; squared, as in the paper; at least 0;
    larger is further from the training distribution.

    m_k is the mean of the training features of grade k; grades without a training pair have none. S is
    one covariance for all grades, of z - m_k over the training pairs, shrunk towards a multiple of the
    identity by Ledoit and Wolf's rule, so that it can be inverted with fewer pairs than features. A grade
    with a single pair gives a mean but says nothing of the spread. If no grade shows any spread (one pair
    a grade, or only duplicates), S is the identity and the score a squared Euclidean distance.

    It takes every grade for one Gaussian cloud, all of the same shape; where a grade is several clouds
    (one a domain, say) their middle ground looks familiar. `KNN` does not assume this.

    References: Lee, Lee, Lee and Shin, A Simple Unified Framework for Detecting Out-of-Distribution
    Samples and Adversarial Attacks, 2018, arXiv 1807.03888. Ledoit and Wolf, A Well-Conditioned Estimator
    for Large-Dimensional Covariance Matrices, Journal of Multivariate Analysis 88, 2004.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    _whitener: npt.NDArray[np.float64]
    _centres: npt.NDArray[np.float64]

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        features = predictions.features.astype(np.float64)
        _, grade, counts = np.unique(grades, return_inverse=True, return_counts=True)
        means = np.stack([features[grade == k].mean(axis=0) for k in range(len(counts))])
        residuals = (features - means[grade])[counts[grade] > 1]
        self._whitener = _whitener(residuals, rounding=1e-12 * float(np.abs(features).max(initial=0.0)))
        self._centres = means @ self._whitener

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        return by_chunks(self._nearest, predictions.features)

    def _nearest(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        white = features @ self._whitener
        squared = [((white - centre) ** 2).sum(axis=1) for centre in self._centres]
        nearest: npt.NDArray[np.float64] = np.min(squared, axis=0)
        return nearest


def _whitener(residuals: npt.NDArray[np.float64], rounding: float) -> npt.NDArray[np.float64]:
    """(D, D) W with W W' = S^-1: after z @ W the Mahalanobis distance is the Euclidean one."""
    n_features = residuals.shape[1]
    if np.abs(residuals).max(initial=0.0) <= rounding:
        return np.eye(n_features)
    covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    covariance += RIDGE * np.trace(covariance) / n_features * np.eye(n_features)
    whitener: npt.NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(covariance)).T
    return whitener
