"""Free energy of the class logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from darl.ood.base import OODDetector
from darl.predictions import Predictions


class Energy(OODDetector):
    """The free energy of the class logits: high where no grade's logit is large.

    ood_score = -T log sum_k exp(f_k / T), for class logits f; any real number; larger is further from
    the training distribution.

    Unlike the softmax it sees the size of the logits and not only their differences. It means nothing for
    logits that are not one for each grade (CORAL, CORN), which is why it needs "class_logits". It keeps
    no statistics.

    Args:
        temperature: T > 0; the paper uses 1. As T grows the score tends to the negated mean logit
            (less a constant), as T falls to the negated largest logit.

    Raises:
        ValueError: A temperature that is not a finite number above 0.

    Reference: Liu, Wang, Owens and Li, Energy-based Out-of-distribution Detection, 2020,
    arXiv 2010.03759.
    """

    needs = frozenset({"class_logits"})

    def __init__(self, temperature: float = 1.0) -> None:
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        if not number or not 0 < temperature < math.inf:
            raise ValueError(f"temperature: expected a finite number above 0, received {temperature!r}")
        self.temperature = float(temperature)

    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        scaled = predictions.logits.astype(np.float64) / self.temperature
        energy: npt.NDArray[np.float64] = -self.temperature * np.logaddexp.reduce(scaled, axis=1)
        return energy
