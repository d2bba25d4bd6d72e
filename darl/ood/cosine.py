"""Cosine distance to the nearest training pair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.neighbours import MOST, NeighbourDetector


class Cosine(NeighbourDetector):
    """The cosine distance to the nearest training pair.

    ood_score = 1 - max_i cos(z, z_i), for features z and the training features z_i; in [0, 2]; larger is
    further from the training distribution.

    It ranks pairs as `KNN` with k = 1 does, whose distance d it is a function of, d^2 / 2: near 0 its scores
    lie closer together. Features that are all 0 have no direction; as in `KNN` they stay 0, at d = 1 from
    every other, and so score 1/2, or 0 if a training pair's are too. It assumes nothing of the shape of the
    training data and reads only directions. One odd training pair makes familiar ground of all that is near
    it; a larger k in `KNN` does not fall for this. A pair that is scored and was also fitted on scores 0.

    Args:
        most: At least 1: of more training pairs than this, so many are kept, as in `KNN`.

    Raises:
        ValueError: An argument that is not an integer, or too small.

    Reference: Zhou, Liu and Chen, Contrastive Out-of-Distribution Detection for Pretrained Transformers,
    2021, arXiv 2104.08812.
    """

    def __init__(self, most: int = MOST) -> None:
        super().__init__(1, most)

    def _from_distance(self, distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        cosine_distance: npt.NDArray[np.float64] = distance**2 / 2
        return cosine_distance
