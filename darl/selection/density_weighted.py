"""Doubt weighted by density."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy
from darl.selection.distances import mean_similarity
from darl.selection.entropy import entropy
from darl.selection.order import smallest_first

MEASURES = ("entropy", "ood_score")


class DensityWeighted(SelectionStrategy):
    """Uncertain pairs that many pool pairs are like, by the largest u * s^beta first.

    s_i = mean_j cos(z_i, z_j) over all pool pairs j, itself among them; a negative s counts as 0, and so
    does that of features that are all 0. u is the entropy of the grades' probabilities or, by "ood_score",
    the share of the pool whose ood_score is no larger, so that its scale does not matter. Equals are taken
    by larger u, then in random order.

    It passes over doubtful or unfamiliar oddities, about which a label says little of anything else. But
    one mean stands for the whole pool: the largest crowd wins, small groups lose, and near-duplicates are
    taken together. s takes O(N D) time, since mean_j cos(z_i, z_j) = <z_i / |z_i|, mean_j z_j / |z_j|>.

    Args:
        beta: At least 0: how much density counts; 0 leaves u alone.
        by: What u is: "entropy" or "ood_score".

    Raises:
        ValueError: An argument outside its range.

    Reference: Settles and Craven, An Analysis of Active Learning Strategies for Sequence Labeling Tasks,
    2008 (information density).
    """

    def __init__(self, beta: float = 1.0, by: str = "entropy") -> None:
        number = isinstance(beta, int | float) and not isinstance(beta, bool)
        if not number or not 0 <= beta < np.inf:
            raise ValueError(f"beta: expected a finite number of at least 0, received {beta!r}")
        if by not in MEASURES:
            raise ValueError(f"by: expected one of {', '.join(MEASURES)}, received {by!r}")
        self.beta, self.by = beta, by

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        doubt = self._doubt(candidates)
        density = np.maximum(mean_similarity(candidates.predictions.features), 0)
        most_doubtful = smallest_first(-doubt, rng)
        weight = (doubt * density**self.beta)[most_doubtful]
        return most_doubtful[np.argsort(-weight, kind="stable")][:n]

    def _doubt(self, candidates: Candidates) -> npt.NDArray[np.float64]:
        if self.by == "entropy":
            return entropy(candidates.predictions.grade_probs)
        scores = candidates.ood_scores
        return np.searchsorted(np.sort(scores), scores, side="right") / len(scores)
