"""What calibration is fitted on: graded pairs that the model was not trained on, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from darl.errors import ConfigError, ShapeError
from darl.predictions import FloatArray, IntArray, Predictions

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Evidence:
    """N >= 1 graded validation pairs.

    Args:
        predictions: What the model says of them.
        grades: (N,) their true grades.
        query_ids: (N,) the query of each pair.
        domains: (N,) where each pair comes from, "" where that is unknown.
        ood_percentiles: (N,) how many held-out in-distribution pairs of 100 are less unusual, 0 to 100; None
            where nobody has measured it.
        shares: (N, K) what share of the people who rated each pair said each grade, rows sum to 1; None where
            there is one grade a pair. Probabilities are calibrated to it; decisions are judged by `grades`.

    Raises:
        ShapeError: Lengths differ, or there is no pair.
    """

    predictions: Predictions
    grades: IntArray
    query_ids: npt.NDArray[np.str_]
    domains: npt.NDArray[np.str_]
    ood_percentiles: FloatArray | None = None
    shares: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.predictions)
        if not n:
            raise ShapeError("evidence: expected at least one pair, received none")
        for name in ("grades", "query_ids", "domains", "ood_percentiles"):
            array = getattr(self, name)
            if array is not None and array.shape != (n,):
                raise ShapeError(f"{name}: expected ({n},) as in predictions, received {array.shape}")
        if self.shares is not None and self.shares.shape != self.predictions.grade_probs.shape:
            expected = self.predictions.grade_probs.shape
            raise ShapeError(f"shares: expected {expected} as grade_probs, received {self.shares.shape}")

    def __len__(self) -> int:
        return len(self.grades)

    def __getitem__(self, rows: npt.NDArray[np.bool_]) -> Evidence:
        """The chosen rows, as Evidence."""
        places = self.ood_percentiles
        return Evidence(
            self.predictions[rows],
            self.grades[rows],
            self.query_ids[rows],
            self.domains[rows],
            None if places is None else places[rows],
            None if self.shares is None else self.shares[rows],
        )

    @cached_property
    def query_rows(self) -> IntArray:
        """(N,) the query of each pair, as a row 0..Q-1 in the sorted order of the query ids."""
        rows: IntArray = np.unique(self.query_ids, return_inverse=True)[1]
        return rows

    @property
    def n_queries(self) -> int:
        """Q, the number of distinct queries."""
        return int(self.query_rows.max()) + 1

    def folds(self) -> IntArray:
        """(N,) a fold 0..4 for each pair, all pairs of a query in one; the same every time.

        With fewer than five queries, each is a fold.

        Raises:
            ConfigError: There is a single query.
        """
        if self.n_queries < 2:
            raise ConfigError(
                "calibration", ["expected validation pairs of at least 2 queries, received those of 1"]
            )
        of_query = np.random.default_rng(0).permutation(self.n_queries) % FOLDS
        folds: IntArray = of_query[self.query_rows]
        return folds
