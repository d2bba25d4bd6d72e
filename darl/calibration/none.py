"""No calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.calibration.base import Calibrator, softmax
from darl.predictions import FloatArray, IntArray


class Uncalibrated(Calibrator):
    """The model's own probabilities, as they are: q_k = p_k.

    For decisions and abstention on top of a model that is left as it is, and to be compared with.
    """

    def apply(self, grade_probs: FloatArray) -> npt.NDArray[np.float64]:
        """(N, K) the same probabilities, to the last bit; raises as in `Calibrator`."""
        self._check_seen(grade_probs)
        return grade_probs.astype(np.float64)

    def _learn(self, log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> None:
        """Nothing is learnt."""

    def _map(self, log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return softmax(log_probs)
