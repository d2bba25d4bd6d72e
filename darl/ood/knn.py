"""Distance to the k-th nearest training pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.neighbours import MOST, NeighbourDetector


class KNN(NeighbourDetector):
    """The distance to the k-th nearest training pair, on the unit sphere.

    ood_score = || z/|z| - z_(k)/|z_(k)| ||, for features z and the k-th nearest z_(k) of the training
    features; in [0, 2]; larger is further from the training distribution. Features that are all 0 stay 0.

    The search is exact (see `nearest`). It holds the training directions in float32, never an N x M matrix of
    distances. It assumes nothing of the shape of the training data, but reads only directions: a model that
    tells the unknown by the length of its features hides that from it. Too small a k lets single odd training
    pairs pass for familiar ground; too large a k makes small groups in the training data look unknown.

    Args:
        k: At least 1 and at most the number of training pairs. The paper took 50 for 50 000 training
            images of 10 classes; graded sets are often smaller, hence 10. A pair that is scored and was
            also fitted on is its own nearest neighbour.
        most: At least k: of more training pairs than this, so many are kept, drawn by the hash of their
            features, in whatever order they come. It bounds memory, and the time to score a pool, which grows
            with the product of the two. What is k-th nearest then stands for a wider neighbourhood.

    Raises:
        ValueError: An argument that is not an integer, or too small.

    Reference: Sun, Ming, Zhu and Li, Out-of-Distribution Detection with Deep Nearest Neighbors, 2022,
    arXiv 2204.06507.
    """

    def __init__(self, k: int = 10, most: int = MOST) -> None:
        super().__init__(k, most)

    def _from_distance(self, distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return distance
