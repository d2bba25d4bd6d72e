"""Maximum class logit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.predictions import Predictions


class MaxLogit(OODDetector):
    """The negated largest class logit: high where no grade is strongly spoken for.

    ood_score = -max_k f_k, for class logits f; any real number; larger is further from the training
    distribution.

    Unlike `MaxSoftmax` it does not divide the size of the logits away, and unlike `Energy`, of which it is
    the limit at temperature 0, it does not reward several grades that are spoken for alike. It means nothing
    for logits that are not one for each grade (CORAL, CORN), which is why it needs "class_logits". Expect
    little of it where training keeps the logits from growing, as label smoothing and soft targets do. It
    keeps no statistics.

    Reference: Hendrycks, Basart, Mazeika, Zou, Kwon, Mostajabi, Steinhardt and Song, Scaling
    Out-of-Distribution Detection for Real-World Settings, 2019, arXiv 1911.11132.
    """

    needs = frozenset({"class_logits"})

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        largest: npt.NDArray[np.float64] = predictions.logits.max(axis=1).astype(np.float64)
        return -largest
