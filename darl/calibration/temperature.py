"""Temperature scaling."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.calibration.base import Calibrator
from darl.calibration.scaling import Scaling, fitted_scale
from darl.predictions import FloatArray, IntArray


class Temperature(Calibrator):
    """One number makes every answer softer or sharper: q_k in proportion to p_k^(1/T).

    T minimises the negative log-likelihood of the validation grades; T > 1 for a model that is too sure,
    T < 1 for one that is not sure enough. The most probable grade of a pair stays the most probable. For a
    softmax this is dividing the class logits by T; for threshold objectives, which have none, the log
    probabilities.

    It assumes that the model is wrong about its confidence in the same way everywhere. It cannot mend a
    grade that is given too often, nor confidence that is too high for some pairs and too low for others.
    With one number to learn, a few hundred pairs are enough.

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017,
    arXiv 1706.04599.
    """

    learns: ClassVar = {"scale": "float64 1"}

    def _learn(self, log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> None:
        self._scale = np.array([fitted_scale(log_probs, grades, weights)])

    def _map(self, log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        n_grades = log_probs.shape[1]
        return Scaling(self._scale.repeat(n_grades), np.zeros(n_grades)).apply(log_probs)

    def told(self) -> str:
        """The temperature."""
        return f"temperature {self.temperature:.3f}"

    @property
    def temperature(self) -> float:
        """T, in [0.05, 20]."""
        self._check_fitted()
        return float(1 / self._scale[0])
