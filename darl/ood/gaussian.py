"""Gaussian clouds of features that share one covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dtrmv
from sklearn.covariance import ledoit_wolf

from darl.ood.base import by_chunks
from darl.predictions import FloatArray, IntArray

RIDGE = 1e-6
"""Added to the diagonal of the covariance, as a share of its mean: keeps constant features invertible."""

ROUNDING = 1e-12
"""Spread up to this share of the largest feature is taken for rounding."""


@dataclass(frozen=True)
class Gaussians:
    """G clouds of one shape, each with a centre of its own.

    Attributes:
        whitener: (D, D) upper triangular W with W W' = S^-1, for the covariance S: after z @ W the
            Mahalanobis distance is the Euclidean one.
        centres: (G, D) the means, after W.
    """

    whitener: npt.NDArray[np.float64]
    centres: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, features: FloatArray, groups: IntArray, otherwise: npt.NDArray[np.float64] | None = None
    ) -> Gaussians:
        """The clouds of (N, D) features, N >= 1, by (N,) groups.

        S is of the features less their group's mean, shrunk by Ledoit and Wolf's rule. A group with a single
        row has a centre but says nothing of the spread.

        Args:
            features: In any precision.
            groups: In the order of their numbers.
            otherwise: The whitener where no group shows any spread; the identity unless given.
        """
        wide = features.astype(np.float64)
        _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
        means = np.stack([wide[group == k].mean(axis=0) for k in range(len(counts))])
        residuals = (wide - means[group])[counts[group] > 1]
        if not varies(residuals, wide):
            whitener = np.eye(wide.shape[1]) if otherwise is None else otherwise
        else:
            whitener = _whitener(residuals)
        return cls(whitener, means @ whitener)

    def nearest(self, features: FloatArray) -> npt.NDArray[np.float64]:
        """(N,) squared Mahalanobis distance of each of (N, D) features to the nearest centre, at least 0."""
        return by_chunks(self._nearest, features)

    def _nearest(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        white = self._whitened(features)
        squared = [((white - centre) ** 2).sum(axis=1) for centre in self.centres]
        nearest: npt.NDArray[np.float64] = np.min(squared, axis=0)
        return nearest

    def _whitened(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if len(features) > 1:
            white: npt.NDArray[np.float64] = features @ self.whitener
        else:
            # One pair waits for W to be read from memory: half of it is enough.
            white = dtrmv(self.whitener.T, features[0], lower=1)[None]
        return white


def varies(residuals: npt.NDArray[np.float64], features: npt.NDArray[np.float64]) -> bool:
    """Whether residuals of features are more than rounding."""
    largest = np.abs(features).max(initial=0.0)
    return bool(np.abs(residuals).max(initial=0.0) > ROUNDING * largest)


def _whitener(residuals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    n_features = residuals.shape[1]
    covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    covariance += RIDGE * np.trace(covariance) / n_features * np.eye(n_features)
    # The inverse leaves rounding below the diagonal.
    whitener: npt.NDArray[np.float64] = np.triu(np.linalg.inv(np.linalg.cholesky(covariance)).T)
    return whitener
