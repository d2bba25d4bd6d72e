"""Likelihood before against after fine-tuning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.predictions import Predictions


class LikelihoodRatio(OODDetector):
    """How much less likely fine-tuning has made the text, or how little more.

    ood_score = l_0 - l_1, for the mean log-probability a token of the text under the backbone as it was (l_0)
    and as it is fine-tuned (l_1); any real number; larger is further from the training distribution.

    What makes a text unlikely as such (rare words, odd spelling) is in both and cancels; what is left is what
    fine-tuning taught of such texts. The paper's fine-tuning teaches the LM to foretell them. Ours teaches it
    to grade: what that does to likelihoods is a side effect, in either direction, so measure before you rely
    on it. A mean over few tokens scatters more than one over many.

    It reads likelihoods, not features: see FeatureView. It keeps no statistics.

    Reference: Zhang, Xiao, Liu, Bamler and Wischik, Your Finetuned Large Language Model is Already a Powerful
    Out-of-distribution Detector, 2024, arXiv 2404.08679 (its criterion with the mean over tokens).
    """

    needs = frozenset({"likelihoods"})

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        base, tuned = predictions.features.astype(np.float64).T
        ratio: npt.NDArray[np.float64] = base - tuned
        return ratio
