"""Random pairs, the likelier out of distribution the more often."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from darl.predictions import Candidates, FloatArray
from darl.selection.base import SelectionStrategy
from darl.selection.order import occurrence


class OODSampling(SelectionStrategy):
    """Random pairs, each drawn in proportion to the probability that it is out of distribution.

    What a pool's ood_scores s have more of than those of held-out in-distribution pairs is new:

        p_pool(s) = f p_in(s) + (1 - f) p_ood(s)    so    P(ood | s) = 1 - f p_in(s) / p_pool(s)

    p_pool / p_in is estimated as a function that only rises with s (isotonic regression of "is from the pool"
    on s, both sides weighing the same), less one standard error; f, the share of the pool that is in
    distribution, as twice the share of the pool below the median of `in_dist_scores`, at most 1. A pair's
    weight is `explore` + (1 - explore) P(ood | s), and pairs are drawn one after another without replacement.
    Pairs above the `per_query`-th of a query come after all others.

    So it asks no more of the detector than it can give. Where the detector tells the sides apart, nearly all
    labels go to what is new; where it is blind, the pool's scores are those of held-out pairs, all weights
    are alike, and this is random selection. Within what is new it draws as traffic has it, and so spends
    labels on what is frequent, of all grades alike: extremes, doubtful pairs and outliers have no preference.

    `in_dist_scores` that are not like the pool's in-distribution side (other queries, an older month) are
    mistaken for the shift that is looked for.

    Args:
        explore: In [0, 1]. Weight of a pair that looks familiar; 1 is random selection.
        per_query: At least 1, or None for no cap.

    Raises:
        ValueError: An argument outside its range.

    Reference: Elkan and Noto, Learning Classifiers from Only Positive and Unlabeled Data, 2008 (the mixture);
    Efraimidis and Spirakis, Weighted Random Sampling with a Reservoir, 2006 (the draw).
    """

    needs_features = False

    def __init__(self, explore: float = 0.05, per_query: int | None = 3) -> None:
        if not isinstance(explore, int | float) or isinstance(explore, bool) or not 0 <= explore <= 1:
            raise ValueError(f"explore: expected a number in [0, 1], received {explore!r}")
        if per_query is not None and (type(per_query) is not int or per_query < 1):
            raise ValueError(f"per_query: expected an integer of at least 1 or None, received {per_query!r}")
        self.explore, self.per_query = explore, per_query

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        probability = ood_probability(candidates.ood_scores, candidates.in_dist_scores)
        weights = self.explore + (1 - self.explore) * probability
        # Of exponential times with these rates the shortest come first: weighted draws without replacement.
        with np.errstate(divide="ignore"):
            order = np.argsort(rng.exponential(size=len(weights)) / weights, kind="stable")
        if self.per_query is None:
            return order[:n]
        above = np.maximum(occurrence(candidates.query_ids[order]) - self.per_query + 1, 0)
        return order[np.argsort(above, kind="stable")][:n]


def ood_probability(ood_scores: FloatArray, in_dist_scores: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) P(ood | s) of each of (N,) ood_scores, in [0, 1], never falling with s; see `OODSampling`.

    Args:
        ood_scores: Of the pool.
        in_dist_scores: (M,) of held-out in-distribution pairs.

    >>> ood_probability(np.array([0.0, 9.0]), np.zeros(99)).round(2).tolist()
    [0.0, 0.92]
    """
    # One held-out pair more than there is, as unusual as any: beyond the last the ratio would be infinite.
    usual = np.append(in_dist_scores, max(ood_scores.max(), in_dist_scores.max())).astype(np.float64)
    n, m = len(ood_scores), len(usual)
    scores = np.concatenate([ood_scores.astype(np.float64), usual])
    is_pool, weights = np.repeat([1.0, 0.0], [n, m]), np.repeat([1 / n, 1 / m], [n, m])
    level = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, is_pool, sample_weight=weights)
    _, step = np.unique(level, return_inverse=True)
    of_pool, of_usual = (np.bincount(step, weights=of) for of in (is_pool, 1 - is_pool))
    of_pool = np.maximum(of_pool, 1)  # a step without pool pairs is asked for nothing
    # One standard error down: what a step has more of by chance must not count as new.
    log_ratio = np.log(of_pool / n) - np.log(of_usual / m) - np.sqrt(1 / of_pool + 1 / of_usual)
    in_dist = min(1.0, 2 * float(np.mean(ood_scores <= np.median(in_dist_scores))))
    # No step is without a held-out pair: the last has the one that was added, and levels only rise.
    by_step = np.maximum.accumulate(np.clip(1 - in_dist * np.exp(-log_ratio), 0.0, 1.0))
    probability: npt.NDArray[np.float64] = by_step[step[:n]]
    return probability
