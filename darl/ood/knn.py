"""Distance to the k-th nearest training pair."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from darl.errors import ShapeError
from darl.ood.base import OODDetector, by_chunks
from darl.predictions import IntArray, Predictions


class KNN(OODDetector):
    """The distance to the k-th nearest training pair, on the unit sphere.

    ood_score = || z/|z| - z_(k)/|z_(k)| ||, for features z and the k-th nearest z_(k) of the training
    features; in [0, 2]; larger is further from the training distribution. Features that are all 0 stay 0.

    The search is exact. It holds the training features, never an N x M matrix of distances. It assumes
    nothing of the shape of the training data, but reads only directions: a model that tells the unknown
    by the length of its features hides that from it.

    Args:
        k: At least 1 and at most the number of training pairs. The paper took 50 for 50 000 training
            images of 10 classes; graded sets are often smaller, hence 10. A pair that is scored and was
            also fitted on is its own nearest neighbour.

    Raises:
        ValueError: A k that is not an integer of at least 1.

    Reference: Sun, Ming, Zhu and Li, Out-of-Distribution Detection with Deep Nearest Neighbors, 2022,
    arXiv 2204.06507.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"features"})

    _index: NearestNeighbors

    def __init__(self, k: int = 10) -> None:
        if type(k) is not int or k < 1:
            raise ValueError(f"k: expected an integer of at least 1, received {k!r}")
        self.k = k

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        if len(predictions) < self.k:
            raise ShapeError(
                f"KNN: expected at least k={self.k} training pairs, received {len(predictions)}: "
                "lower k or fit on more pairs"
            )
        unit = normalize(predictions.features.astype(np.float64))
        self._index = NearestNeighbors(n_neighbors=self.k, algorithm="brute").fit(unit)

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        return by_chunks(self._kth_distance, predictions.features)

    def _kth_distance(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        distances, _ = self._index.kneighbors(normalize(features))
        kth: npt.NDArray[np.float64] = distances[:, -1]
        return kth
