"""Largest entropy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from darl.predictions import Candidates, FloatArray
from darl.selection.base import SelectionStrategy
from darl.selection.order import smallest_first
from darl.vectors import blocks


class Entropy(SelectionStrategy):
    """The pairs whose grade is least certain as a whole: H = - sum_k p_k log p_k, largest first.

    Equal entropies are taken in random order. Where `Margin` looks at the two most probable grades, this
    looks at all: it prefers pairs of which the model knows nothing to those between two grades. Like
    `Margin` it passes over what the model is sure and wrong of, and it takes near-duplicates together.

    Reference: Settles, Active Learning Literature Survey, 2009.
    """

    needs_features = False

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        return smallest_first(-entropy(candidates.predictions.grade_probs), rng)[:n]


def entropy(grade_probs: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) entropies of (N, K) probabilities in nats, in [0, log K]; larger is less certain.

    >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).round(3).tolist()
    [0.0, 0.693]
    """
    result = np.empty(len(grade_probs))
    for rows in blocks(len(grade_probs)):
        result[rows] = entr(grade_probs[rows].astype(np.float64)).sum(axis=1)
    return result
