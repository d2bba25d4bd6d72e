"""Which pairs are near nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, IntArray
from darl.selection.distances import SAME, squared_distances, squares
from darl.vectors import Vectors, blocks, unit

MOST_SAMPLED = 4096
"""Pool pairs, and as many known ones, among which neighbours are looked for: bounds time and memory."""

AT_A_TIME = 512
"""Sampled pairs that are looked at before it is asked who has neighbours enough; mostly nearly all have."""

NORMAL = 1.4826
"""Median absolute deviations in the standard deviation of a normal distribution, inverted."""

NO_QUERY = -1


class _Sample(NamedTuple):
    """Pairs that can be neighbours: (S, D) unit vectors and (S,) the query of each; known ones have none."""

    vectors: Vectors
    query: IntArray

    def squared_distances(self, vectors: Vectors, query: IntArray, part: slice) -> Vectors:
        """(N, S') squared distances to a part of the sample, infinite between pairs of one query."""
        squared = squared_distances(vectors, self.vectors[part])
        squared[query[:, None] == self.query[part]] = np.inf
        return squared

    def near(self, vectors: Vectors, query: IntArray, part: slice, limit: float) -> npt.NDArray[np.bool_]:
        """(N, S') whether those distances are at most `limit`, in fewer passes over so many numbers."""
        others = self.vectors[part]
        # Squared distances of unit vectors below 2 SAME are 0. |x - y|^2 = |x|^2 + |y|^2 - 2 x'y.
        upto = max(np.float32(limit) ** 2, np.float32(2 * SAME))
        least = squares(vectors)[:, None] / 2 + (squares(others) - upto) / 2
        near: npt.NDArray[np.bool_] = vectors @ others.T >= least
        near &= query[:, None] != self.query[part]
        return near


def isolated(
    candidates: Candidates, k: int, deviations: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """(N,) whether a pair is much further from its k-th nearest neighbour than is usual in the pool.

    Neighbours are sought, by Euclidean distance of L2-normalised features, among 4096 pool pairs and 4096
    known pairs at random (all where there are fewer), but not among those of the same query, which share
    its text. A pair is isolated whose distance d to the k-th of them is above

        max(median(d) + deviations * 1.4826 * median |d - median(d)|,  h / 2)

    where d are the distances of the sampled pool pairs (Hampel's rule), and h is the root mean square of all
    distances between pairs. The second term is for pools of copies or of tight groups, where d is next to
    nothing for most: less than half as far as any pair is from any other counts as near. A pair that has
    fewer than k pairs of other queries to be compared with must be near all of them; with none it is not
    isolated.

    Time is at most O(8192 N D), mostly a fraction of that: who has k neighbours near enough is done with.

    Args:
        candidates: N pool pairs, and what is known.
        k: At least 1.
        deviations: At least 0; larger calls fewer pairs isolated.
        rng: Draws the samples.
    """
    _, query = np.unique(candidates.query_ids, return_inverse=True)
    sample, rows = _draw(candidates, query, rng)
    others = len(sample.query) - np.bincount(
        sample.query[sample.query != NO_QUERY], minlength=query.max() + 1
    )
    wanted = np.minimum(k, others)[query]
    compared = rows[wanted[rows] == k]
    features = candidates.predictions.features
    alone = np.zeros(len(candidates), dtype=np.bool_)
    if not len(compared):
        return alone
    limit = _limit(unit(features[compared]), query[compared], sample, k, deviations)
    for block in blocks(len(candidates)):
        alone[block] = _alone(unit(features[block]), query[block], wanted[block], sample, limit)
    return alone


def _draw(
    candidates: Candidates, query: IntArray, rng: np.random.Generator
) -> tuple[_Sample, npt.NDArray[np.int64]]:
    """Pool and known pairs in random order, and which pool pairs they are."""
    rows = rng.permutation(len(candidates))[:MOST_SAMPLED]
    known = rng.permutation(len(candidates.known))[:MOST_SAMPLED]
    vectors = np.concatenate([unit(candidates.predictions.features[rows]), unit(candidates.known[known])])
    queries = np.concatenate([query[rows], np.full(len(known), NO_QUERY)])
    order = rng.permutation(len(queries))
    return _Sample(vectors[order], queries[order]), rows


def _limit(vectors: Vectors, query: IntArray, sample: _Sample, k: int, deviations: float) -> float:
    """The distance above which the k-th neighbour is far."""
    kth = np.empty(len(vectors))
    total, n_pairs = 0.0, 0
    for block in blocks(len(vectors), AT_A_TIME):
        squared = sample.squared_distances(vectors[block], query[block], slice(None))
        total += squared.sum(where=np.isfinite(squared), dtype=np.float64)
        n_pairs += int(np.isfinite(squared).sum())
        kth[block] = np.sqrt(np.partition(squared, k - 1, axis=1)[:, k - 1])
    usual = np.median(kth)
    spread = NORMAL * np.median(np.abs(kth - usual))
    return max(float(usual + deviations * spread), math.sqrt(total / n_pairs) / 2)


def _alone(
    vectors: Vectors, query: IntArray, wanted: IntArray, sample: _Sample, limit: float
) -> npt.NDArray[np.bool_]:
    """(N,) whether fewer than `wanted` pairs of the sample are within the limit."""
    near = np.zeros(len(vectors), dtype=np.int64)
    for part in blocks(len(sample.query), AT_A_TIME):
        lacking = np.flatnonzero(near < wanted)
        near[lacking] += sample.near(vectors[lacking], query[lacking], part, limit).sum(axis=1)
    return near < wanted
