"""Random pairs, the likelier out of distribution the more often."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from darl.predictions import Candidates, FloatArray
from darl.selection.base import SelectionStrategy
from darl.selection.order import occurrence

MOSTLY = 0.5
"""P(ood | s) from which a pair is taken for new."""

TINY = 1e-6
"""Share of the draws that goes to pairs which are not to be drawn before others are used up."""


class OODSampling(SelectionStrategy):
    """Random pairs of many queries, drawn the more often the likelier they are out of distribution.

    What a pool's ood_scores s have more of than those of held-out in-distribution pairs is new:

        p_pool(s) = f p_in(s) + (1 - f) p_ood(s)    so    P(ood | s) = 1 - f p_in(s) / p_pool(s)

    p_pool / p_in is estimated as a function that only rises with s (isotonic regression of "is from the pool"
    on s, both sides weighing the same), less one standard error; f, the share of the pool that is in
    distribution, as twice the share of the pool below the median of `in_dist_scores`, at most 1. New is what
    has P >= 1/2, so that most pairs like it are; of N pairs, M = the sum of these P. Of n draws the share d
    goes to what is new, in proportion to P, and the rest to the pool as it is:

        d = min(1 - explore, 2 M / n),    weight = (1 - d) / N + d P [P >= 1/2] / M

    Pairs are drawn one after another without replacement. After k draws from a query its other pairs, new or
    not, weigh 1 / (k + 1) of what they did: two of a query say less than one of each of two.

    So it asks no more of the detector than it can give. Where the detector tells the sides apart, most labels
    go to what is new, also where that is little of the pool; where it is blind, the pool's scores are like
    those of held-out pairs, nothing is new, and the draw is random. Within what is new it draws as traffic
    has it, and so spends labels on what is frequent, of all grades alike: extremes, doubtful pairs and
    outliers have no preference.

    What is a small share of the pool is seen only beside enough held-out pairs: a share of 5 % beside some
    100, one of 1 % beside some 500.

    `in_dist_scores` that are not like the pool's in-distribution side (other queries, an older month) are
    mistaken for the shift that is looked for.

    Args:
        explore: In [0, 1]. Share of the draws that goes to the pool as it is; 1 leaves all to chance.
        spread: Whether a query's pairs weigh less once others of it are drawn.

    Raises:
        ValueError: An argument outside its range.

    Reference: Elkan and Noto, Learning Classifiers from Only Positive and Unlabeled Data, 2008 (the mixture);
    Efraimidis and Spirakis, Weighted Random Sampling with a Reservoir, 2006 (the draw).
    """

    needs_features = False

    def __init__(self, explore: float = 0.3, spread: bool = True) -> None:
        if not isinstance(explore, int | float) or isinstance(explore, bool) or not 0 <= explore <= 1:
            raise ValueError(f"explore: expected a number in [0, 1], received {explore!r}")
        if not isinstance(spread, bool):
            raise ValueError(f"spread: expected true or false, received {spread!r}")
        self.explore, self.spread = explore, spread

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        probability = ood_probability(candidates.ood_scores, candidates.in_dist_scores)
        likely = np.where(probability >= MOSTLY, probability, 0.0)
        new, size = likely.sum(), len(likely)
        to_new = min(1 - self.explore, 2 * new / n)
        weights = np.full(size, (1 - to_new) / size)
        if new:
            weights += to_new * likely / new
        weights = np.maximum(weights, TINY / size)  # what else there is comes last, and in random order
        # Of exponential times with these rates the shortest come first: weighted draws without replacement.
        times = rng.exponential(size=size) / weights
        return first_slowed(times, candidates.query_ids, n) if self.spread else np.argsort(times)[:n]


def first_slowed(times: npt.NDArray[np.float64], labels: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    """(n,) which of N >= n arrive first once they are `slowed`, in their order.

    Nothing arrives before its time, so that those of late times need not be slowed: of a million pairs, a few
    thousand say which hundreds come first.
    """
    size = 4 * n
    while True:
        rows = np.arange(len(times)) if size >= len(times) else np.argpartition(times, size)[:size]
        found = slowed(times[rows], labels[rows])
        first = np.argsort(found, kind="stable")[:n]
        if len(rows) == len(times) or found[first[-1]] <= times[rows].max():
            return rows[first]
        size *= 4


def slowed(times: FloatArray, labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(N,) times of arrival at which what has the same label waits k + 1 times as long after k arrivals.

    Of independent exponential times these are those of rates that are divided by k + 1, as what is left of
    such a time is as long as the whole.

    Args:
        times: (N,) of arrival.
        labels: (N,) any.

    >>> slowed(np.array([1.0, 2.0, 3.0, 5.0]), np.array(["a", "b", "a", "a"])).tolist()
    [1.0, 2.0, 5.0, 11.0]
    """
    _, label = np.unique(labels, return_inverse=True)
    order = np.lexsort((times, label))
    rank = occurrence(label[order])
    # Of the times t_0 <= t_1 <= ... of a label, sum_j<=k (j + 1) (t_j - t_j-1) = (k + 1) t_k - sum_j<k t_j.
    ends = np.cumsum(times[order])
    before = np.append(0.0, ends[:-1])
    earlier = before - np.maximum.accumulate(np.where(rank == 0, before, 0.0))
    found = np.empty(len(times))
    found[order] = (rank + 1) * times[order] - earlier
    return found


def ood_probability(ood_scores: FloatArray, in_dist_scores: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) P(ood | s) of each of (N,) ood_scores, in [0, 1], never falling with s; see `OODSampling`.

    Args:
        ood_scores: Of the pool.
        in_dist_scores: (M,) of held-out in-distribution pairs.

    >>> ood_probability(np.array([0.0, 9.0]), np.zeros(99)).round(2).tolist()
    [0.0, 0.92]
    """
    # In single precision: what differs by less is rounding, and no shift.
    pool, held_out = ood_scores.astype(np.float32), in_dist_scores.astype(np.float32)
    # One held-out pair more than there is, as unusual as any: beyond the last the ratio would be infinite.
    usual = np.append(held_out, max(pool.max(), held_out.max()))
    n, m = len(pool), len(usual)
    # Ranks, as the regression takes scores that are next to equal now for one and now for two.
    _, ranks = np.unique(np.concatenate([pool, usual]), return_inverse=True)
    is_pool, weights = np.repeat([1.0, 0.0], [n, m]), np.repeat([1 / n, 1 / m], [n, m])
    level = IsotonicRegression(y_min=0, y_max=1).fit_transform(ranks, is_pool, sample_weight=weights)
    _, step = np.unique(level, return_inverse=True)
    of_pool, of_usual = (np.bincount(step, weights=of) for of in (is_pool, 1 - is_pool))
    seen = of_pool > 0  # of a step without a pool pair nothing is said
    of_pool = np.maximum(of_pool, 1)
    # One standard error down: what a step has more of by chance must not count as new.
    log_ratio = np.log(of_pool / n) - np.log(of_usual / m) - np.sqrt(1 / of_pool + 1 / of_usual)
    in_dist = min(1.0, 2 * float(np.mean(pool <= np.median(held_out))))
    # No step is without a held-out pair: the last has the one that was added, and levels only rise.
    by_step = np.where(seen, np.clip(1 - in_dist * np.exp(-log_ratio), 0.0, 1.0), 0.0)
    by_step = np.maximum.accumulate(by_step)
    probability: npt.NDArray[np.float64] = by_step[step[:n]]
    return probability
