"""Random selection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy


class Random(SelectionStrategy):
    """Every pair is as likely as any other: the baseline that a strategy must beat to be worth its cost."""

    needs_features = False

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        return rng.permutation(len(candidates))[:n]
