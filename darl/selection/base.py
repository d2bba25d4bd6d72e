"""What every selection strategy is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.errors import PoolExhaustedError
from darl.predictions import Candidates


class SelectionStrategy(ABC):
    """Chooses which pool pairs are worth a person's grade. A member defines `_choose`.

    Attributes:
        nested: Arguments of the constructor that are strategies themselves, one or a list of them: a
            config gives them by name (see `darl.catalogue`). Each has a default.
        needs_features: Whether it reads features; if not, those of the candidates and of what is known may
            be of width 0, and a pool may be as large as its scores and probabilities allow.
    """

    nested: ClassVar[frozenset[str]] = frozenset()
    needs_features: bool = True

    def select(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """(n,) distinct indices into `candidates`, most wanted first.

        The same candidates, n and state of `rng` give the same answer.

        Raises:
            ValueError: n is not an integer of at least 0.
            PoolExhaustedError: n is larger than the number of candidates.
        """
        if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 0:
            raise ValueError(f"n: expected an integer of at least 0, received {n!r}")
        if n > len(candidates):
            raise PoolExhaustedError(
                f"expected at most {len(candidates)}, the number of pairs left in the pool, received "
                f"n={n}: ask for fewer labels or enlarge the pool"
            )
        if not n:
            return np.empty(0, dtype=np.int64)
        # A view with gaps would be written to a safetensors file wrongly, and without a word.
        return np.ascontiguousarray(self._choose(candidates, int(n), rng))

    @abstractmethod
    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """`select` for 1 <= n <= N."""


def check_strategy(name: str, value: object) -> None:
    """Refuse a nested argument that is no strategy.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, SelectionStrategy):
        raise ValueError(f"{name}: expected a selection strategy, received {value!r}")


def narrowed(candidates: Candidates, rows: npt.NDArray[np.int64], taken: npt.NDArray[np.int64]) -> Candidates:
    """The candidates at `rows`, those at `taken` counted as known: they are about to be graded.

    A strategy that asks another more than once asks it of these, so that what covers the space of features
    goes on from what is taken instead of covering the same ground again.
    """
    if len(rows) == len(candidates) and not len(taken):
        return candidates
    known = np.concatenate([candidates.known, candidates.predictions.features[taken]])
    return replace(candidates[rows], known=known)
