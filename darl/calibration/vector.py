"""Vector scaling."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.calibration.base import Calibrator
from darl.calibration.scaling import Scaling, fitted_scaling
from darl.predictions import FloatArray, IntArray


class Vector(Calibrator):
    """A scale and a bias for each grade: q_k in proportion to exp(a_k log p_k + b_k), a_k > 0.

    They minimise the negative log-likelihood of the validation grades. Unlike `Temperature` it can mend a
    grade that the model gives too often or too rarely, and may so change which grade is the most probable.
    It learns the validation pairs' shares of the grades: where those of your traffic differ (other
    categories, another ranker before), its biases are wrong there. It has 2K numbers to learn and wants
    some hundred pairs of every grade.

    Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017,
    arXiv 1706.04599.
    """

    learns: ClassVar = {"scales": "float64 K", "biases": "float64 K"}

    def _learn(self, log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> None:
        self._scales, self._biases = fitted_scaling(log_probs, grades, weights)

    def _map(self, log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return Scaling(self._scales, self._biases).apply(log_probs)

    def told(self) -> str:
        """The scales and the biases, from the lowest grade up."""
        self._check_fitted()
        scales, biases = (", ".join(f"{x:.3f}" for x in part) for part in (self._scales, self._biases))
        return f"scales {scales}; biases {biases}"
