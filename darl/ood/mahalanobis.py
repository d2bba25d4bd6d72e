"""Mahalanobis distance to the nearest grade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.ood.gaussian import Gaussians
from darl.predictions import IntArray, Predictions


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

    needs = frozenset({"features"})
    learns: ClassVar[Mapping[str, str]] = {"whitener": "float64 D D", "centres": "float64 G D"}

    _whitener: npt.NDArray[np.float64]
    _centres: npt.NDArray[np.float64]

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        clouds = Gaussians.of(predictions.features, grades)
        self._whitener, self._centres = clouds.whitener, clouds.centres

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        return Gaussians(self._whitener, self._centres).nearest(predictions.features)
