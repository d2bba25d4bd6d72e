"""Representative samples of the out-of-distribution band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, IntArray, QueryIds
from darl.selection.base import SelectionStrategy
from darl.selection.order import occurrence
from darl.selection.representatives import representatives

BAND, BELOW, JUNK = 0, 1, 2


class OODBand(SelectionStrategy):
    """Pairs that stand for what is out of distribution but not junk, spread over queries and grades.

    The band holds the pairs whose ood_score lies between the quantile `lower` of `in_dist_scores` (less is
    familiar) and the quantile `upper` of the pool's ood_scores (more is junk). In the band, k-means on the
    L2-normalised features finds representatives (see `representatives`). What is taken, in this order:

    1. representatives of the band, at most `per_query` of one query;
    2. if these are too few, pairs below the band, the largest ood_score first, under the same cap;
    3. if these too are too few, a further pair of each query, band first; and so on;
    4. only when nothing else is left, junk, the smallest ood_score first.

    So no query gives more than `per_query` pairs while another that is not junk could give one. With
    `per_query=None` the band is used up before anything below it is taken.

    Args:
        lower: In [0, 1]. Lower lets more familiar pairs in.
        upper: In [0, 1]. 1 keeps everything.
        per_query: At least 1, or None for no cap. Pairs of one query have close features and scores, so
            that without a cap a few queries fill the band.
        balance_grades: Let the predicted grades take turns within the band. On by default: the band is
            apt to be nearly all one grade, and a trainer learns little from that. It trusts the model's
            grades no further than to spread the choice.
        explore: In [0, 1]: this share of n is drawn at random from the rest of the pool and put last. A
            hedge against a detector that does not see what is new.

    Raises:
        ValueError: An argument outside its range.
    """

    def __init__(
        self,
        lower: float = 0.9,
        upper: float = 0.99,
        per_query: int | None = 3,
        balance_grades: bool = True,
        explore: float = 0.0,
    ) -> None:
        for name, value in (("lower", lower), ("upper", upper), ("explore", explore)):
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
                raise ValueError(f"{name}: expected a number in [0, 1], received {value!r}")
        if per_query is not None and (type(per_query) is not int or per_query < 1):
            raise ValueError(f"per_query: expected an integer of at least 1 or None, received {per_query!r}")
        if not isinstance(balance_grades, bool):
            raise ValueError(f"balance_grades: expected true or false, received {balance_grades!r}")
        self.lower, self.upper, self.explore = lower, upper, explore
        self.per_query, self.balance_grades = per_query, balance_grades

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        n_explored = round(self.explore * n)
        wanted, rest = np.split(self._order(candidates, n - n_explored, rng), [n - n_explored])
        return np.concatenate([wanted, rng.choice(rest, n_explored, replace=False)])

    def _order(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """(N,) every index, most wanted first, for a choice of n."""
        scores, zone = candidates.ood_scores, self._zones(candidates)
        grades = np.where((zone == BAND) & self.balance_grades, candidates.predictions.grades, 0)
        walk = np.lexsort((np.where(zone == BELOW, -scores, scores), zone))
        band = np.flatnonzero(zone == BAND)
        if len(band):
            features = candidates.predictions.features
            walk[: len(band)] = band[representatives(features, grades[band], n, rng, band)]
        over_cap = self._over_cap(candidates.query_ids[walk])
        zone, grades = zone[walk], grades[walk]
        # Turns are counted among the pairs that compete: those of one zone that exceed the cap alike.
        turn = occurrence((over_cap * 3 + zone) * candidates.predictions.grade_probs.shape[1] + grades)
        return walk[np.lexsort((turn, zone, over_cap, zone == JUNK))]

    def _zones(self, candidates: Candidates) -> IntArray:
        """(N,) BAND, BELOW or JUNK."""
        scores = candidates.ood_scores
        floor = np.quantile(candidates.in_dist_scores, self.lower)
        ceiling = np.quantile(scores, self.upper)
        return np.where(scores > ceiling, JUNK, np.where(scores < floor, BELOW, BAND))

    def _over_cap(self, query_ids: QueryIds) -> IntArray:
        """(N,) 0 within the cap, 1 for the next pair of the same query, 2 for the one after it, ..."""
        if self.per_query is None:
            return np.zeros(len(query_ids), dtype=np.int64)
        return np.maximum(occurrence(query_ids) - self.per_query + 1, 0)
