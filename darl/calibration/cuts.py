"""Cuts of the score: K - 1 numbers between which the grades lie; how they are kept, used and searched for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from darl.calibration.learnt import Learnt
from darl.errors import ShapeError
from darl.predictions import FloatArray, IntArray

MOST_PLACES = 500
"""Places where a cut may be; of more, so many that are evenly apart by rank are looked at."""

Float64 = npt.NDArray[np.float64]


class LearntCuts(Learnt):
    """What learns K - 1 cuts that do not fall. A member sets `_cuts` when it is fitted."""

    learns: ClassVar[Mapping[str, str]] = {"cuts": "float64 c"}
    _cuts: Float64

    @property
    def cuts(self) -> tuple[float, ...]:
        """The K - 1 cuts: from cut k on, the grade is k + 1 or above. -1: always; K: never."""
        self._check_fitted()
        return tuple(self._cuts.tolist())

    def restored(self, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As in `Learnt`; and the cuts are K - 1 and do not fall."""
        restored = super().restored(state)
        cuts, n = restored._cuts, restored._n_grades - 1
        if cuts.shape != (n,) or (np.diff(cuts) < 0).any():
            raise ShapeError(f"cuts: expected {n} that do not fall, received {cuts.tolist()}")
        return restored

    def _listed(self) -> str:
        return ", ".join(f"{cut:.3f}" for cut in self.cuts)


def grades_by(cuts: FloatArray, scores: FloatArray) -> npt.NDArray[np.int64]:
    """(N,) grades: how many of the K - 1 cuts, which do not fall, lie at or below each score."""
    return np.searchsorted(cuts, scores, side="right").astype(np.int64)


def places(scores: FloatArray, n_grades: int) -> Float64:
    """Where a cut may be: below every score (-1), half way between two neighbours, above every score (K)."""
    distinct = np.unique(scores.astype(np.float64))
    between = (distinct[1:] + distinct[:-1]) / 2
    if len(between) > MOST_PLACES:
        between = between[np.linspace(0, len(between) - 1, MOST_PLACES).round().astype(np.int64)]
    return np.concatenate([[-1.0], between, [float(n_grades)]])


def best_cuts(
    scores: FloatArray, grades: IntArray, n_grades: int, fixed: Mapping[int, float] | None = None
) -> Float64:
    """(K - 1,) the cuts with the largest macro-F1 over the grades present, by exact search over `places`.

    The F1 of a grade is a function of the two cuts around it, so the best cuts for the grades so far, up to
    each place, give the best ones for a grade more (dynamic programming). Of equals the lowest.

    Args:
        scores: (N,) in [0, K - 1].
        grades: (N,) true grades.
        n_grades: K.
        fixed: Cuts that are given, by number: cut k lies between grades k and k + 1.
    """
    fixed = fixed or {}
    at = np.unique(np.concatenate([places(scores, n_grades), list(fixed.values())]))
    below = _counts_below(at, scores, grades, n_grades)
    value, origins = _f1_of_grade(below, 0)[0], []
    for grade in range(1, n_grades):
        if grade - 1 in fixed:
            value = np.where(at == fixed[grade - 1], value, -np.inf)
        total = value[:, None] + _f1_of_grade(below, grade)
        origins.append(total.argmax(axis=0))
        value = total.max(axis=0)
    chosen = [len(at) - 1]  # the last grade ends above every score
    for origin in reversed(origins):
        chosen.append(int(origin[chosen[-1]]))
    return at[chosen[:0:-1]]


def _counts_below(at: FloatArray, scores: FloatArray, grades: IntArray, n_grades: int) -> Float64:
    """(K, C) how many pairs of each grade score below each of C places."""
    return np.stack(
        [np.searchsorted(np.sort(scores[grades == k]), at, side="left") for k in range(n_grades)]
    ).astype(np.float64)


def _f1_of_grade(below: FloatArray, grade: int) -> Float64:
    """(C, C) F1 of a grade given from place i up to place j; -inf where j < i, 0 for one without a pair."""
    counts = below.sum(axis=0)
    hits = below[grade][None, :] - below[grade][:, None]
    gold = below[grade][-1]
    given = counts[None, :] - counts[:, None]
    f1: Float64 = 2 * hits / (gold + np.maximum(given, 0)) if gold else np.zeros_like(hits)
    return np.where(np.tri(len(counts), dtype=np.bool_).T, f1, -np.inf)
