"""The grade that costs least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darl.calibration.decision import Decision
from darl.predictions import FloatArray


class Cost(Decision):
    """The grade j with the least expected cost sum_k q_k C[k][j], q calibrated; of equals the lowest.

    Nothing is learnt: it is as good as the probabilities are calibrated.

    Args:
        matrix: K rows of K numbers of at least 0: C[k][j] is what it costs to give grade j to a pair of
            grade k.

    Raises:
        ValueError: It is no square matrix of at least 2 rows, or a number is below 0 or not finite.

    Reference: Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001.
    """

    def __init__(self, matrix: Sequence[Sequence[float]]) -> None:
        try:
            costs = np.array(matrix, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"matrix: expected K rows of K numbers, received {matrix!r}") from error
        if costs.ndim != 2 or len(costs) < 2 or costs.shape[0] != costs.shape[1]:
            raise ValueError(f"matrix: expected K rows of K numbers, received {matrix!r}")
        if not np.isfinite(costs).all() or costs.min() < 0:
            raise ValueError(f"matrix: expected finite numbers of at least 0, received {matrix!r}")
        self.matrix = costs

    def argument_faults(self, n_grades: int) -> list[str]:
        """Another number of rows than of grades."""
        if len(self.matrix) == n_grades:
            return []
        return [f"matrix: expected {n_grades} rows, one for each grade, received {len(self.matrix)}"]

    def _decide(self, scores: FloatArray, grade_probs: FloatArray) -> npt.NDArray[np.int64]:
        cheapest: npt.NDArray[np.int64] = (grade_probs @ self.matrix).argmin(axis=1).astype(np.int64)
        return cheapest
