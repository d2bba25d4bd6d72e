"""Typical pairs of clusters without labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, FloatArray, IntArray
from darl.selection.base import SelectionStrategy
from darl.selection.clusters import MOST_CLUSTERS, centres, fitted_rows, nearest_centre
from darl.selection.distances import squared_distances
from darl.selection.order import occurrence, smallest_first
from darl.vectors import Vectors, blocks, unit

SMALL = 5
"""A cluster of fewer pairs is an accident of the clustering more than a region of the pool."""

MOST_NEIGHBOURS = 1000
"""Bounds the time in large clusters: neighbours are looked for among so many of its pairs, at random."""


class Typical(SelectionStrategy):
    """The densest pair of each cluster that has no label yet, large clusters first (TypiClust).

    k-means on the L2-normalised features of the graded and the pool pairs finds L + n clusters (at most 500,
    placed by a sample where there are many pairs). Then, again and again, the cluster with the fewest
    graded and taken pairs, of equals the largest, gives its most typical pool pair that is left; clusters
    of fewer than 5 pairs wait until all others are used up. Equally typical pairs come in random order.

    typicality = 1 / mean distance to the k nearest pool pairs of the same cluster

    It asks for what is common and unlabelled, and neither for doubt nor for grades: made for the first few
    hundred labels. Once every cluster has labels it has little left to say, and a text that a pool holds
    many times is typical.

    Args:
        k: At least 1. In a cluster of k pairs or fewer, all others are the neighbours.

    Raises:
        ValueError: A k that is not an integer of at least 1.

    Reference: Hacohen, Dekel and Weinshall, Active Learning on a Budget: Opposite Strategies Suit High and
    Low Budgets, 2022, arXiv 2202.02794.
    """

    def __init__(self, k: int = 20) -> None:
        if type(k) is not int or k < 1:
            raise ValueError(f"k: expected an integer of at least 1, received {k!r}")
        self.k = k

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        features, known = candidates.predictions.features, candidates.known
        found = centres(_sample(known, features, rng), min(len(known) + n, MOST_CLUSTERS), rng)
        cluster, _ = nearest_centre(features, np.arange(len(features)), found)
        of_known, _ = nearest_centre(known, np.arange(len(known)), found)
        turns = cluster_turns(cluster, np.bincount(of_known, minlength=len(found)), n)
        chosen = np.empty(n, dtype=np.int64)
        for giver in np.unique(turns):
            rows, places = np.flatnonzero(cluster == giver), np.flatnonzero(turns == giver)
            spread = mean_distance(features, rows, self.k, rng)
            chosen[places] = rows[smallest_first(spread, rng)[: len(places)]]
        return chosen


def cluster_turns(cluster: IntArray, n_known: IntArray, n: int) -> npt.NDArray[np.int64]:
    """(n,) the cluster that gives the next pair, each time: fewest graded and taken, then largest.

    Args:
        cluster: (N,) the cluster of each pool pair.
        n_known: (C,) how many graded pairs each cluster has.
        n: At most N.

    >>> cluster_turns(np.array([0] * 6 + [1] * 9 + [2] * 2), np.array([0, 1, 0]), 5).tolist()
    [0, 1, 0, 1, 0]
    """
    size = n_known + np.bincount(cluster, minlength=len(n_known))
    filled = n_known[cluster] + occurrence(cluster)
    order = np.lexsort((cluster, -size[cluster], filled, size[cluster] < SMALL))
    return cluster[order[:n]].astype(np.int64)


def mean_distance(
    features: FloatArray, rows: npt.NDArray[np.int64], k: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(len(rows),) mean distance of each row to its k nearest others, L2-normalised; less is more typical."""
    among = rng.permutation(len(rows))[:MOST_NEIGHBOURS]
    k = min(k, len(among) - 1)
    if k == 0:
        return np.zeros(len(rows))
    others = unit(features[rows[among]])
    result = np.empty(len(rows))
    for block in blocks(len(rows)):
        squared = squared_distances(unit(features[rows[block]]), others)
        own = np.arange(block.start, block.start + len(squared))
        squared[own[:, None] == among] = np.inf
        result[block] = np.sqrt(np.partition(squared, k - 1, axis=1)[:, :k]).mean(axis=1)
    return result


def _sample(known: FloatArray, features: FloatArray, rng: np.random.Generator) -> Vectors:
    """The vectors that place the centres."""
    rows = fitted_rows(len(known) + len(features), rng)
    of_known, of_pool = np.split(rows, [np.searchsorted(rows, len(known))])
    return np.concatenate([unit(known[of_known]), unit(features[of_pool - len(known)])])
