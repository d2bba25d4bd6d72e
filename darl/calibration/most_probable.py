"""The most probable grade."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.calibration.decision import Decision
from darl.predictions import FloatArray


class MostProbable(Decision):
    """The grade with the largest calibrated probability, of equals the lower: the fewest wrong grades.

    It is the best rule for accuracy as far as the probabilities are right, and neglects rare grades.
    """

    def _decide(self, scores: FloatArray, grade_probs: FloatArray) -> npt.NDArray[np.int64]:
        top: npt.NDArray[np.int64] = grade_probs.argmax(axis=1).astype(np.int64)
        return top
