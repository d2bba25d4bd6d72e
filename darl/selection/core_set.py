"""k-centre greedy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, FloatArray
from darl.selection.base import SelectionStrategy
from darl.selection.distances import mean_similarity, squared_distances
from darl.selection.order import smallest_first
from darl.vectors import Vectors, blocks, unit

FIRST_CENTRES = 256
"""What every pair is compared with; with the others, only those that this leaves far from all."""

CENTRES_AT_A_TIME = 1024
"""Bounds the distances that are held at once."""

GROUP = 512
"""Pairs whose distances are brought up to date together."""

KEPT = 1 << 25
"""Numbers of unit vectors kept from one step to the next: mostly the same groups are furthest."""


class CoreSet(SelectionStrategy):
    """Again and again the pair that is furthest from every pair that is graded or taken.

    With L2-normalised features z, each step takes argmax_i min_{j graded or taken} ||z_i - z_j||; equals
    in random order. With nothing graded, the first is the pair most like the whole pool. The radius within
    which every pool pair then has a graded or taken one is at most twice the smallest that n pairs can give.

    It covers the feature space, rare corners as well as crowds, and takes nothing twice: good where pool
    and graded pairs differ. But what lies furthest is often junk: narrow such a pool first. The model's
    grades are not looked at.

    Time is at worst O((L + n) N D), mostly far less (see `_Cover`). Memory beside the features is O(N), a
    float32 copy of those of the L graded and n taken pairs, and 128 MiB at most of others.

    Reference: Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach,
    2018, arXiv 1708.00489 (the greedy one of its two algorithms).
    """

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        features, known = candidates.predictions.features, candidates.known
        taken = [] if len(known) else [int(smallest_first(-mean_similarity(features), rng)[0])]
        cover = _Cover(features, unit(known if len(known) else features[taken]), taken, n, rng)
        return np.array(taken + [cover.take_furthest() for _ in range(n - len(taken))])


class _Cover:
    """Squared distances of N pairs from the nearest centre, brought up to date only where it matters.

    A new centre can only shorten them, so an old distance is an upper bound: a group of pairs whose largest
    old distance is below another pair's true one needs no new. Groups are of like distance, and most are
    never looked at again. The first centres are drawn evenly from all: neighbours in a file are alike, and a
    part of it would leave most pairs far.
    """

    def __init__(
        self, features: FloatArray, centres: Vectors, taken: list[int], n: int, rng: np.random.Generator
    ) -> None:
        self._features = features
        centres = centres[_spread(len(centres), FIRST_CENTRES)]
        self._centres = np.concatenate([centres, np.empty((n, centres.shape[1]), dtype=np.float32)])
        self._n_centres = len(centres)
        self._kept: dict[int, Vectors] = {}
        first = centres[:FIRST_CENTRES]
        self._squared = np.concatenate(
            [squared_distances(unit(features[rows]), first).min(axis=1) for rows in blocks(len(features))]
        )
        self._squared[taken] = -1
        order = smallest_first(-self._squared, rng)
        self._groups = [order[rows] for rows in blocks(len(order), GROUP)]
        self._bounds = np.array([self._squared[group].max() for group in self._groups])
        self._seen = np.full(len(self._groups), len(first))

    def take_furthest(self) -> int:
        """The pair furthest from all centres, which becomes a centre."""
        group = int(self._bounds.argmax())
        while self._seen[group] < self._n_centres:
            self._refresh(group)
            group = int(self._bounds.argmax())
        rows = self._groups[group]
        row = int(rows[self._squared[rows].argmax()])
        self._squared[row] = -1
        self._centres[self._n_centres] = unit(self._features[[row]])[0]
        self._n_centres += 1
        return row

    def _refresh(self, group: int) -> None:
        rows, seen = self._groups[group], self._seen[group]
        upto = min(seen + CENTRES_AT_A_TIME, self._n_centres)
        squared = squared_distances(self._unit(group), self._centres[seen:upto]).min(axis=1)
        self._squared[rows] = np.minimum(self._squared[rows], squared)
        self._bounds[group], self._seen[group] = self._squared[rows].max(), upto

    def _unit(self, group: int) -> Vectors:
        """The group's unit vectors; those looked at last are kept."""
        vectors = self._kept.pop(group, None)
        if vectors is None:
            vectors = unit(self._features[self._groups[group]])
        self._kept[group] = vectors
        if len(self._kept) > 1 and len(self._kept) * GROUP * vectors.shape[1] > KEPT:
            del self._kept[next(iter(self._kept))]
        return vectors


def _spread(n: int, n_first: int) -> npt.NDArray[np.int64]:
    """(n,) an order of 0 .. n - 1 whose first n_first stand at equal distances from one another."""
    return np.argsort(np.arange(n) * n_first % max(n, 1), kind="stable")
