"""So many pairs of each predicted grade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy, check_strategy, narrowed
from darl.selection.ood_band import OODBand
from darl.selection.turns import check_shares, turns


class GradeQuota(SelectionStrategy):
    """A share of the budget for each predicted grade, spent by another strategy among that grade's pairs.

    The grades take turns (see `turns`), so that the first m of the choice are divided like the whole; what
    a grade cannot give goes to the others in proportion. What is taken for one grade counts as known when
    the next is chosen for.

    It asks for rare grades where the other strategy would find mostly common ones, and trusts the model's
    grades no further than to spread the choice. Where the model never predicts a grade, no quota brings it.

    Args:
        strategy: The other strategy; `OODBand()` if None. It sees the pairs of one grade at a time, and its
            quantiles are of these.
        shares: (K,) at least 0, summing to 1, the least relevant grade first; even if None. A grade with
            share 0 gives pairs only when all others have none left.

    Raises:
        ValueError: An argument that is no strategy, or shares that are none.
        ShapeError: In `select`: not as many shares as grades.
    """

    nested: ClassVar[frozenset[str]] = frozenset({"strategy"})

    def __init__(
        self, strategy: SelectionStrategy | None = None, shares: Sequence[float] | None = None
    ) -> None:
        self.strategy = OODBand() if strategy is None else strategy
        check_strategy("strategy", self.strategy)
        self.needs_features = self.strategy.needs_features
        if shares is not None:
            check_shares(shares)
        self.shares = shares

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        grades, n_grades = candidates.predictions.grades, candidates.predictions.grade_probs.shape[1]
        shares = [1 / n_grades] * n_grades if self.shares is None else self.shares
        if len(shares) != n_grades:
            raise ShapeError(
                f"shares: expected {n_grades} numbers, one for each grade, received {len(shares)}"
            )
        whose = turns(shares, np.bincount(grades, minlength=n_grades), n)
        chosen = np.full(n, -1, dtype=np.int64)
        for grade in np.unique(whose):
            rows, places = np.flatnonzero(grades == grade), np.flatnonzero(whose == grade)
            among = narrowed(candidates, rows, chosen[chosen >= 0])
            chosen[places] = rows[self.strategy.select(among, len(places), rng)]
        return chosen
