"""What the detectors share that look for the nearest training pairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.nearest import Directions, Neighbours, kth_distance, nearest
from darl.ood.base import OODDetector
from darl.predictions import IntArray, Predictions

MOST = 50_000
"""Training pairs kept: a million pairs against so many take minutes, and more would tell little more."""


class NeighbourDetector(OODDetector):
    """An ood_score that grows with the distance to the k-th nearest training pair, on the unit sphere.

    A member defines `_from_distance`.

    Args:
        k: At least 1.
        most: At least k.

    Raises:
        ValueError: An argument is not an integer, or too small.
    """

    needs = frozenset({"features"})
    learns: ClassVar[Mapping[str, str]] = {"unit": "float32 M D", "rows": "int64 M"}

    _unit: npt.NDArray[np.float32]
    _rows: npt.NDArray[np.int64]
    _known: Directions

    def __init__(self, k: int, most: int) -> None:
        if type(k) is not int or k < 1:
            raise ValueError(f"k: expected an integer of at least 1, received {k!r}")
        if type(most) is not int or most < k:
            raise ValueError(f"most: expected an integer of at least {k}, received {most!r}")
        self.k, self.most = k, most

    def nearest(self, predictions: Predictions) -> Neighbours:
        """The k nearest training pairs of each of N pairs, as rows of the predictions given to `fit`.

        Raises:
            NotFittedError: This detector is not one that `fit` returned.
            ShapeError: Predictions of another model.
        """
        self._check_seen(predictions)
        return nearest(self._known, predictions.features, self.k)

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        known = Directions.of(predictions.features, self.most)
        self._unit, self._rows = known.unit, known.rows

    def _prepare(self) -> None:
        self._known = Directions(self._unit, self._rows)
        if len(self._known) < self.k:
            raise ShapeError(
                f"{type(self).__name__}: expected at least k={self.k} training pairs, received "
                f"{len(self._known)}: lower k or fit on more pairs"
            )

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        return self._from_distance(kth_distance(self._known, predictions.features, self.k))

    def _measure_fitted(self, predictions: Predictions, rows: IntArray) -> npt.NDArray[np.float64]:
        """A pair that was fitted on is its own nearest neighbour, and is passed over if there is another."""
        most = min(self.k + 1, len(self._known))
        distances = nearest(self._known, predictions.features, most).distances
        place = np.minimum(self.k - 1 + np.isin(rows, self._rows), most - 1)
        return self._from_distance(np.take_along_axis(distances, place[:, None], axis=1)[:, 0])

    @abstractmethod
    def _from_distance(self, distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(N,) ood_scores from (N,) distances to the k-th nearest training pair."""
