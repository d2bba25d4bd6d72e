"""Entropy of the grade probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.predictions import Predictions


class Entropy(OODDetector):
    """How evenly the model spreads its belief over the grades.

    ood_score = -sum_k p_k log p_k in nats, with 0 log 0 = 0; in [0, log K]; larger is further from the
    training distribution.

    Unlike `MaxSoftmax` it sees all grades: a belief shared by two scores lower than one of the same maximum
    that is shared by all. It reads any objective's grade probabilities, and does not know that grades are
    ordered. It keeps no statistics. As with `MaxSoftmax`, a hard in-distribution pair looks the same to it as
    an unknown one, and a model can be sure and wrong far from its training data.

    References: Shannon, A Mathematical Theory of Communication, 1948. As a baseline of detection: Ren, Liu,
    Fertig, Snoek, Poplin, DePristo, Dillon and Lakshminarayanan, Likelihood Ratios for Out-of-Distribution
    Detection, 2019, arXiv 1906.02845.
    """

    needs = frozenset({"grade_probs"})

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        probs = predictions.grade_probs.astype(np.float64)
        # The subtraction from 0 keeps a sure pair's entropy from being -0.
        entropy: npt.NDArray[np.float64] = 0.0 - (probs * np.log(np.where(probs > 0, probs, 1.0))).sum(axis=1)
        return entropy
