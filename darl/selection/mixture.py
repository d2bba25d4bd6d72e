"""Several strategies, each with a share of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy, check_strategy, narrowed
from darl.selection.ood_band import OODBand
from darl.selection.random import Random
from darl.selection.turns import check_shares, turns


class Mixture(SelectionStrategy):
    """A share of the budget for each of several strategies.

    They choose one after another, each among what those before it have left; what was taken counts as known.
    Then their choices take turns (see `turns`), so that the first m of the whole are mixed like the whole.

    Strategies fail in different ways, and no one knows beforehand which fits: a mixture bounds the loss to a
    share. A random share besides keeps an unbiased sample of the pool, if it comes first.

    Args:
        strategies: At least one, the first choice first; `OODBand()` and `Random()` if None.
        shares: One for each, at least 0, summing to 1; even if None.

    Raises:
        ValueError: No strategies, one that is none, or shares that are none or not as many.
    """

    nested: ClassVar[frozenset[str]] = frozenset({"strategies"})

    def __init__(
        self,
        strategies: Sequence[SelectionStrategy] | None = None,
        shares: Sequence[float] | None = None,
    ) -> None:
        strategies = [OODBand(), Random()] if strategies is None else strategies
        if not isinstance(strategies, list | tuple) or not strategies:
            raise ValueError(f"strategies: expected a list of at least one, received {strategies!r}")
        for place, strategy in enumerate(strategies):
            check_strategy(f"strategies[{place}]", strategy)
        shares = [1 / len(strategies)] * len(strategies) if shares is None else shares
        check_shares(shares)
        if len(shares) != len(strategies):
            raise ValueError(
                f"shares: expected {len(strategies)} numbers, one for each strategy, received {len(shares)}"
            )
        self.strategies, self.shares = tuple(strategies), tuple(shares)
        self.needs_features = any(strategy.needs_features for strategy in strategies)

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        whose = turns(self.shares, np.full(len(self.shares), n), n)
        chosen = np.full(n, -1, dtype=np.int64)
        left = np.ones(len(candidates), dtype=np.bool_)
        for member in np.unique(whose):
            rows, places = np.flatnonzero(left), np.flatnonzero(whose == member)
            among = narrowed(candidates, rows, chosen[chosen >= 0])
            chosen[places] = rows[self.strategies[member].select(among, len(places), rng)]
            left[chosen[places]] = False
        return chosen
