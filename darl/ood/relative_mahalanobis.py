"""Mahalanobis distance to the nearest grade, less that to all training pairs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.ood.gaussian import Gaussians
from darl.predictions import IntArray, Predictions


class RelativeMahalanobis(OODDetector):
    """How much better the training data as a whole explains a pair than its nearest grade does.

    ood_score = min_k M_k(z) - M_0(z), for features z, with M_k(z) = (z - m_k)' S^-1 (z - m_k) as in
    `Mahalanobis`, and M_0(z) = (z - m_0)' S_0^-1 (z - m_0) for one Gaussian of mean m_0 and covariance S_0
    fitted to all training features; any real number; larger is further from the training distribution.

    S and S_0 are shrunk as in `Mahalanobis`. In directions in which the grades do not differ, the two terms
    are nearly equal and cancel: such directions are many and carry little, and drown the few that tell near
    pairs apart. That is what the difference is for, and its price: a pair that is far away in those
    directions only, which `Mahalanobis` finds at once, is found late. Like that one it takes every grade for
    one Gaussian cloud.

    If no grade shows any spread (one pair a grade, or only duplicates), S is S_0; if all features are the
    same, both are the identity. Training pairs of a single grade make the two terms one: every pair scores 0.

    Reference: Ren, Fort, Liu, Roy, Padhy and Lakshminarayanan, A Simple Fix to Mahalanobis Distance for
    Improving Near-OOD Detection, 2021, arXiv 2106.09022.
    """

    needs = frozenset({"features"})
    learns: ClassVar[Mapping[str, str]] = {
        "whitener": "float64 D D",
        "centres": "float64 G D",
        "background_whitener": "float64 D D",
        "background_centre": "float64 1 D",
    }

    _whitener: npt.NDArray[np.float64]
    _centres: npt.NDArray[np.float64]
    _background_whitener: npt.NDArray[np.float64]
    _background_centre: npt.NDArray[np.float64]

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        background = Gaussians.of(predictions.features, np.zeros_like(grades))
        clouds = Gaussians.of(predictions.features, grades, otherwise=background.whitener)
        self._whitener, self._centres = clouds.whitener, clouds.centres
        self._background_whitener, self._background_centre = background.whitener, background.centres

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        clouds = Gaussians(self._whitener, self._centres)
        background = Gaussians(self._background_whitener, self._background_centre)
        return clouds.nearest(predictions.features) - background.nearest(predictions.features)
