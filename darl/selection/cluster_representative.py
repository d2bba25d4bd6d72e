"""Representatives of clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates
from darl.selection.base import SelectionStrategy
from darl.selection.representatives import representatives


class ClusterRepresentative(SelectionStrategy):
    """The pair nearest to the centre of each of n clusters of the pool, large clusters first.

    k-means on the L2-normalised features, bounded as `representatives` tells: of large pools a sample places
    the centres, and for n beyond the most clusters the second nearest pair of each follows, and so on.

    It covers what the pool is made of, a pair and its near-duplicates but once, and asks the model for
    nothing but features: good for a first round. It knows neither what is graded already nor what is hard,
    so that a second round repeats the first; `Typical` and `CoreSet` start from what is known.

    Reference: Xu et al., Representative Sampling for Text Classification Using Support Vector Machines, 2003.
    """

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        one_group = np.zeros(len(candidates), dtype=np.int64)
        return representatives(candidates.predictions.features, one_group, n, rng)[:n]
