"""What is told of the pairs of a request, as one table: rows are cut out, put together and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darl.pipeline.gauge import COLUMNS
from darl.pipeline.told import Told
from darl.predictions import FloatArray, IntArray

Table = npt.NDArray[np.float64]

SCORE, GRADE, OOD_SCORE, OOD_PERCENTILE, ABSTAIN, TOKENS = range(6)
PROBS = 6
SMALLEST = 1e-38


def table_of(told: Told, tokens: IntArray) -> Table:
    """(N, 6 + K) what is told of N pairs, NaN where nothing is.

    Args:
        told: By the model and what is kept with it.
        tokens: (N,) that each pair has.
    """
    decisions = told.decisions
    probs = np.asarray(decisions.grade_probs, np.float64)
    table = np.full((len(probs), PROBS + probs.shape[1]), np.nan)
    table[:, SCORE], table[:, GRADE], table[:, TOKENS] = decisions.scores, decisions.grades, tokens
    table[:, PROBS:] = probs
    for column, name in zip((OOD_SCORE, OOD_PERCENTILE), COLUMNS, strict=True):
        if name in told.measures:
            table[:, column] = told.measures[name]
    if decisions.abstain is not None:
        table[:, ABSTAIN] = decisions.abstain
    return table


@dataclass(frozen=True)
class Answers:
    """What is told of N pairs.

    Args:
        table: (N, 6 + K) as `table_of` makes it.
    """

    table: Table

    def __len__(self) -> int:
        return len(self.table)

    @property
    def raw_scores(self) -> FloatArray:
        """(N,) expected grades, 0 to K - 1: the column `score` of darl predict; larger is more relevant."""
        scores: FloatArray = self.table[:, SCORE]
        return scores

    @property
    def scores(self) -> FloatArray:
        """(N,) expected grade / (K - 1), 0 to 1; larger is more relevant."""
        scaled: FloatArray = np.clip(self.raw_scores / (self.table.shape[1] - PROBS - 1), 0.0, 1.0)
        return scaled

    @property
    def grade_probs(self) -> FloatArray:
        """(N, K) calibrated probabilities of the grades."""
        probs: FloatArray = self.table[:, PROBS:]
        return probs

    @property
    def log_probs(self) -> FloatArray:
        """(N, K) their natural logarithms, at least ln 1e-38: a softmax gives the probabilities back."""
        logarithms: FloatArray = np.log(np.maximum(self.grade_probs, SMALLEST))
        return logarithms

    @property
    def grades(self) -> IntArray:
        """(N,) the grades that are given."""
        return self.table[:, GRADE].astype(np.int64)

    @property
    def confidence(self) -> FloatArray:
        """(N,) the probability of the grade that is given."""
        given: FloatArray = self.grade_probs[np.arange(len(self)), self.grades]
        return given

    @property
    def ood_percentiles(self) -> FloatArray | None:
        """(N,) share of held-out in-distribution pairs that are less unusual, 0 to 100; None: no detector."""
        return self._known(OOD_PERCENTILE)

    @property
    def ood_scores(self) -> FloatArray | None:
        """(N,) larger is further from the training distribution; None: the model keeps no detector."""
        return self._known(OOD_SCORE)

    @property
    def abstain(self) -> npt.NDArray[np.bool_] | None:
        """(N,) whether to rely on none of it; None: no rule says."""
        column = self._known(ABSTAIN)
        return None if column is None else column.astype(np.bool_)

    @property
    def tokens(self) -> int:
        """Tokens of all pairs, as the model reads them."""
        return int(self.table[:, TOKENS].sum())

    @property
    def order(self) -> IntArray:
        """(N,) rows, the most relevant first; of equals the earlier."""
        return np.argsort(-self.raw_scores, kind="stable")

    def _known(self, column: int) -> FloatArray | None:
        values: FloatArray = self.table[:, column]
        return None if np.isnan(values).any() else values
