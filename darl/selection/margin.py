"""Smallest margin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy
from darl.selection.order import smallest_first


class Margin(SelectionStrategy):
    """The pairs whose two most probable grades are closest: m = p_(1) - p_(2), smallest first.

    Equal margins are taken in random order. It looks for the hard pairs among those that the model knows;
    far from its training data a model can be sure and wrong, and such pairs are passed over.

    Reference: Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction, 2001.
    """

    needs_features = False

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        top = np.sort(candidates.predictions.grade_probs, axis=1)[:, -2:]
        return smallest_first(top[:, -1] - top[:, 0], rng)[:n]
