"""Everything but what is near nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy, check_strategy, narrowed
from darl.selection.dasa import Dasa
from darl.selection.isolation import isolated


class WithoutJunk(SelectionStrategy):
    """Another strategy's choice among the pairs that are near something; the others come last.

    A pair is junk if it is far from everything at once: from what is known, and from the pool's pairs of
    other queries. New traffic is far from what is known too, but its pairs have one another for neighbours;
    broken text and random bytes have none. `isolated` tells how far is far. Junk is
    chosen, by the same strategy, only when nothing else is left.

    What an ood_score cannot tell apart, new and broken, company can. But it takes company for a good sign:

    * junk that repeats itself, such as one advertisement under many queries, vouches for itself. A strategy
      that takes crowds once (`OODBand`, `CoreSet`) bounds what it costs, and what was graded once is known;
    * a new query that is unlike all others is junk whatever it has of pairs, and so are the pairs of a group
      that are less than about k in 4096 of the pool, too few to meet in a sample;
    * where more than a third of the pool is junk, junk is what is usual.

    Args:
        strategy: The other strategy; `Dasa()` if None. It does not see the junk, so that its quantiles
            are of the rest: `OODBand` can do with a larger `upper`.
        k: At least 1. A group counts for something when its pairs have so many neighbours of other queries.
        deviations: At least 0. How far above the usual distance is junk, in robust standard deviations;
            larger lets more through.

    Raises:
        ValueError: An argument that is no strategy, or outside its range.

    Reference: Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets,
    2000 (the k-th neighbour's distance); Hampel, The Influence Curve and its Role in Robust Estimation, 1974
    (the limit).
    """

    nested: ClassVar[frozenset[str]] = frozenset({"strategy"})

    def __init__(
        self, strategy: SelectionStrategy | None = None, k: int = 5, deviations: float = 3.0
    ) -> None:
        self.strategy = Dasa() if strategy is None else strategy
        check_strategy("strategy", self.strategy)
        if type(k) is not int or k < 1:
            raise ValueError(f"k: expected an integer of at least 1, received {k!r}")
        number = isinstance(deviations, int | float) and not isinstance(deviations, bool)
        if not number or not 0 <= deviations < np.inf:
            raise ValueError(f"deviations: expected a finite number of at least 0, received {deviations!r}")
        self.k, self.deviations = k, deviations

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        junk = isolated(candidates, self.k, self.deviations, rng)
        chosen = np.empty(0, dtype=np.int64)
        for rows in (np.flatnonzero(~junk), np.flatnonzero(junk)):
            if len(chosen) == n:
                break
            among = narrowed(candidates, rows, chosen)
            more = self.strategy.select(among, min(n - len(chosen), len(rows)), rng)
            chosen = np.concatenate([chosen, rows[more]])
        return chosen
