"""Largest ood_score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy
from darl.selection.order import smallest_first


class MostOOD(SelectionStrategy):
    """The pairs with the largest ood_scores; equals in random order.

    A baseline, not advice: what is furthest from the training data is often junk (empty texts, other
    languages, broken encodings), and it is often the same junk many times. `OODBand` is the remedy.
    """

    needs_features = False

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        return smallest_first(-candidates.ood_scores, rng)[:n]
