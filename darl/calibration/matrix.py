"""Matrix scaling."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.calibration.base import Calibrator, softmax
from darl.calibration.scaling import least, likelihood
from darl.predictions import FloatArray, IntArray

PRIOR = 10.0
"""Weight of (W_kj - [k = j])^2 / 2 and b_k^2 / 2 beside the likelihood of the pairs. Of 0.001, 1, 3, 10, 30
and 100 it has, with 30, the least log-loss on validation pairs of other queries: seven sets of 220 to 2,000
(docs/results/calibration.md)."""


class Matrix(Calibrator):
    """Each grade hears every other: q_k in proportion to exp(sum_j W_kj log p_j + b_k).

    They minimise the negative log-likelihood of the validation grades. `Temperature` and `Vector` treat each
    grade by itself and cannot say "weak, if the model hesitates between irrelevant and strong"; that is what
    is wrong with a model that blurs the grades in between. It may change which grade is the most probable,
    and learns the validation pairs' shares of the grades, as `Vector` does. It has K(K + 1) numbers to learn:
    give it a thousand validation pairs.

    References: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017, arXiv
    1706.04599; Kull et al., Beyond temperature scaling: Dirichlet calibration, 2019, arXiv 1910.12656, where
    the prior is on the off-diagonal and the biases alone.
    """

    learns: ClassVar = {"matrix": "float64 K K", "biases": "float64 K"}

    def _learn(self, log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> None:
        n_grades = log_probs.shape[1]
        origin = np.concatenate([np.eye(n_grades).ravel(), np.zeros(n_grades)])

        def cost(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            matrix, biases = parameters[:-n_grades].reshape(n_grades, n_grades), parameters[-n_grades:]
            loss, errors = likelihood(_logits(log_probs, matrix, biases), grades, weights)
            slopes = np.concatenate([(errors.T @ log_probs).ravel(), errors.sum(axis=0)])
            off = parameters - origin
            return loss + PRIOR * float(off @ off) / 2, slopes + PRIOR * off

        found = least(cost, origin, [(None, None)] * len(origin))
        self._matrix, self._biases = found[:-n_grades].reshape(n_grades, n_grades), found[-n_grades:]

    def _map(self, log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return softmax(_logits(log_probs, self._matrix, self._biases))

    def told(self) -> str:
        """The rows of the matrix and the biases, from the lowest grade up."""
        self._check_fitted()
        *rows, biases = (", ".join(f"{x:.3f}" for x in part) for part in [*self._matrix, self._biases])
        return f"rows {' | '.join(rows)}; biases {biases}"


def _logits(
    log_probs: FloatArray, matrix: npt.NDArray[np.float64], biases: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(N, K); not a product of matrices, which rounds a row by how many there are."""
    logits: npt.NDArray[np.float64] = np.einsum("nj,kj->nk", log_probs, matrix, optimize=False) + biases
    return logits
