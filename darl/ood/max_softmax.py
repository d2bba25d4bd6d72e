"""Maximum softmax probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.predictions import Predictions


class MaxSoftmax(OODDetector):
    """How unsure the model is of its grade: the baseline that every detector is compared with.

    ood_score = -max_k p_k, in [-1, -1/K]; larger is further from the training distribution.

    It reads any objective's grade probabilities. It keeps no statistics. A hard in-distribution pair,
    half way between two grades, looks the same to it as an unknown one; and a model can be sure and wrong
    far from its training data.

    Reference: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution
    Examples in Neural Networks, 2017, arXiv 1610.02136.
    """

    needs = frozenset({"grade_probs"})

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        return -predictions.confidence.astype(np.float64)
