"""Virtual-logit matching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.ood.base import OODDetector, by_chunks
from darl.ood.gaussian import varies
from darl.predictions import IntArray, Predictions

Float64 = npt.NDArray[np.float64]

NEGLIGIBLE = 1e-12
"""Variance along a direction, as a share of the largest, up to which it counts as none."""


class ViM(OODDetector):
    """What the features hold that the training features mostly do not, set against what the logits say.

    ood_score = a |r(z)| - log sum_k exp f_k, for class logits f and the part r(z) of z - m that is outside
    the principal subspace of the training features; any real number; larger is further from the training
    distribution.

    m is the mean of the training features; the principal subspace holds the directions in which they vary
    most. a = |mean of max_k f_k| / mean of |r|, both over the training pairs, makes a virtual logit of the
    residual, of the size of the real ones, and never one that speaks for the pair. The score orders pairs as
    the paper's softmax probability of that logit does. The paper centres the features where the head's logits
    are all 0, for which one needs the head; here it is the mean, as for principal components elsewhere.

    It sees the unknown in the features, where the logits are blind, and in the logits. It fails where new
    pairs differ in directions in which the training pairs vary too (their residual is small), and expects
    logits one for each grade, which cumulative-link objectives (CORAL, CORN) do not give. With few training
    pairs for the number of features, new pairs of any kind leave larger residuals than those pairs do, and
    the residual outweighs the logits. If the training features do not vary at all, the principal subspace is
    empty and a residual of length 1 takes the place of the mean.

    Args:
        dimension: Of the principal subspace; at least 1 and less than the number of directions in which the
            training features vary (at most D, and one less than the pairs). None is half that number: the
            middle of the D/3 to 2D/3 that the paper suggests where the number of classes, its first choice,
            will not do; as few directions as there are grades would leave most of what varies outside. It
            found wide ranges to do alike.

    Raises:
        ValueError: A dimension that is neither None nor an integer of at least 1.

    Reference: Wang, Li, Feng and Zhang, ViM: Out-Of-Distribution with Virtual-logit Matching, 2022,
    arXiv 2203.10807.
    """

    needs = frozenset({"features", "class_logits"})
    learns: ClassVar[Mapping[str, str]] = {
        "mean": "float64 D",
        "principal": "float64 p D",
        "scale": "float64",
    }

    _mean: Float64
    _principal: Float64
    _scale: Float64

    def __init__(self, dimension: int | None = None) -> None:
        if dimension is not None and (type(dimension) is not int or dimension < 1):
            raise ValueError(f"dimension: expected an integer of at least 1 or None, received {dimension!r}")
        self.dimension = dimension

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        features = predictions.features.astype(np.float64)
        self._mean = features.mean(axis=0)
        directions = _directions(features - self._mean, features)
        self._principal = directions[: self._size(len(directions))]
        top = predictions.logits.max(axis=1).astype(np.float64).mean()
        residual = by_chunks(self._residual, features).mean() if len(directions) else 1.0
        self._scale = np.asarray(np.abs(top) / residual)

    def _size(self, n_directions: int) -> int:
        if self.dimension is None:
            return n_directions // 2
        if self.dimension >= n_directions:
            raise ShapeError(
                f"ViM: expected a dimension below {n_directions}, the number of directions in which the "
                f"training features vary, received {self.dimension}: lower it or fit on more pairs"
            )
        return self.dimension

    def _measure(self, predictions: Predictions) -> Float64:
        logits = predictions.logits.astype(np.float64)
        virtual = self._scale * by_chunks(self._residual, predictions.features)
        score: Float64 = virtual - np.logaddexp.reduce(logits, axis=1)
        return score

    def _residual(self, features: Float64) -> Float64:
        """(N,) length of what is outside the principal subspace."""
        centred = features - self._mean
        outside = centred - (centred @ self._principal.T) @ self._principal
        length: Float64 = np.linalg.norm(outside, axis=1)
        return length


def _directions(centred: Float64, features: Float64) -> Float64:
    """(R, D) orthonormal directions in which the rows vary, those of the largest variance first."""
    n, width = centred.shape
    if not varies(centred, features):
        return np.empty((0, width))
    if n <= width:
        _, lengths, rows = np.linalg.svd(centred, full_matrices=False)
        variance = lengths**2
    else:
        rising, columns = np.linalg.eigh(centred.T @ centred)
        variance, rows = rising[::-1], columns[:, ::-1].T
    directions: Float64 = rows[variance > NEGLIGIBLE * variance[0]]
    return directions
