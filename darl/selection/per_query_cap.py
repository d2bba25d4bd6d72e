"""At most so many pairs of a query."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, IntArray
from darl.selection.base import SelectionStrategy, check_strategy, narrowed
from darl.selection.dasa import Dasa
from darl.selection.order import occurrence


class PerQueryCap(SelectionStrategy):
    """What another strategy wants most, at most `cap` pairs of one query while another query can give.

    When every query has given `cap` pairs or all that it has, the cap rises by one, and so on; pairs above
    the cap come after those within it. Where the cap does not bite, the choice is the other's own.

    The other strategy is asked for n. Where some of its answer is above the cap, queries that have given
    what they may leave the pool, what is taken counts as known, and it is asked again: for twice as many
    as are missing, then for four times as many, ... So the whole pool is never put in order to choose a
    few, and a strategy that covers the space of features goes on from what it has. What the other reads
    off the pool as a whole (a quantile, say) it reads off the rest when it is asked again.

    Args:
        strategy: The other strategy; `Dasa()` if None.
        cap: At least 1. Pairs of one query have close features and scores, so that without a cap a few
            queries can take the whole budget.

    Raises:
        ValueError: An argument that is no strategy, or a cap that is not an integer of at least 1.
    """

    nested: ClassVar[frozenset[str]] = frozenset({"strategy"})

    def __init__(self, strategy: SelectionStrategy | None = None, cap: int = 3) -> None:
        self.strategy = Dasa() if strategy is None else strategy
        check_strategy("strategy", self.strategy)
        self.needs_features = self.strategy.needs_features
        if type(cap) is not int or cap < 1:
            raise ValueError(f"cap: expected an integer of at least 1, received {cap!r}")
        self.cap = cap

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        _, query, sizes = np.unique(candidates.query_ids, return_inverse=True, return_counts=True)
        cap, n_above = risen_cap(sizes, n, self.cap)
        chosen = self.strategy.select(candidates, n, rng)
        asked = 1
        while len(chosen := chosen[within(query[chosen], cap, n_above)]) < n:
            asked *= 2
            rows = _open_rows(query, chosen, cap, n_above)
            most = min(asked * (n - len(chosen)), len(rows))
            more = self.strategy.select(narrowed(candidates, rows, chosen), most, rng)
            chosen = np.concatenate([chosen, rows[more]])
        chosen = chosen[:n]
        above = np.maximum(occurrence(query[chosen]) - self.cap + 1, 0)
        return chosen[np.argsort(above, kind="stable")]


def risen_cap(sizes: IntArray, n: int, cap: int) -> tuple[int, int]:
    """How far the cap must rise for n pairs: what every query may give, and how many may give one more.

    Args:
        sizes: (Q,) pairs of each query.
        n: At most their sum.
        cap: Where it starts.

    >>> risen_cap(np.array([9, 9, 2]), 15, 3)
    (6, 1)
    """
    at_least = len(sizes) - np.cumsum(np.bincount(sizes))  # queries with more than 0, 1, 2, ... pairs
    risen = max(cap, int(np.searchsorted(np.cumsum(at_least[:-1]), n, side="right")))
    return risen, max(n - int(np.minimum(sizes, risen).sum()), 0)


def within(query: IntArray, cap: int, n_above: int) -> npt.NDArray[np.bool_]:
    """(N,) whether each may be taken, in this order: `cap` of a query, and `n_above` queries one more."""
    nth = occurrence(query)
    next_one = nth == cap
    result: npt.NDArray[np.bool_] = (nth < cap) | (next_one & (np.cumsum(next_one) <= n_above))
    return result


def _open_rows(
    query: IntArray, chosen: npt.NDArray[np.int64], cap: int, n_above: int
) -> npt.NDArray[np.int64]:
    """The rows that are not taken yet, of queries that may give more."""
    given = np.bincount(query[chosen], minlength=query.max() + 1)
    may_give = cap + ((given > cap).sum() < n_above)
    is_open = (given < may_give)[query]
    is_open[chosen] = False
    return np.flatnonzero(is_open)
