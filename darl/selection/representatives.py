"""Pairs that stand for many others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.preprocessing import normalize

from darl.predictions import FloatArray, IntArray
from darl.selection.order import occurrence

MOST_CLUSTERS = 500
"""Bounds the time of k-means; a group that owes more pairs gives the next nearest of each cluster too."""

MOST_STEPS = 30
"""Bounds the time of k-means in the same way; it mostly converges sooner."""


def representatives(
    features: FloatArray, groups: IntArray, n: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(N,) every index, the best stand-ins for the rest first, the groups taking turns.

    Each group is clustered by k-means on its L2-normalised features, into as many clusters as its even
    share of n. The pair nearest to each centre comes first (large clusters before small ones), then
    the second nearest of each cluster, and so on.

    Args:
        features: (N, D).
        groups: (N,) the group of each pair.
        n: How many of the first indices will be used.
        rng: Seeds k-means.
    """
    unit = normalize(features.astype(np.float64))
    place = np.empty(len(groups), dtype=np.int64)
    for group, share in even_shares(groups, n).items():
        rows = np.flatnonzero(groups == group)
        place[rows[_central_first(unit[rows], share, rng)]] = np.arange(len(rows))
    return np.lexsort((groups, place))


def even_shares(groups: IntArray, n: int) -> dict[int, int]:
    """How many of n each group gives: as even as the sizes allow, of equals the lower group first.

    >>> even_shares(np.array([0] * 9 + [1] * 2 + [2] * 9), 8)
    {0: 3, 1: 2, 2: 3}
    """
    taken = groups[np.lexsort((groups, occurrence(groups)))[:n]]
    return {int(group): int((taken == group).sum()) for group in np.unique(groups)}


def _central_first(
    vectors: npt.NDArray[np.float64], n_clusters: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    if n_clusters >= len(vectors):
        return rng.permutation(len(vectors))
    centres, cluster = _clusters(vectors, min(max(n_clusters, 1), MOST_CLUSTERS), int(rng.integers(2**31)))
    distance = np.linalg.norm(vectors - centres[cluster], axis=1)
    nearest = np.argsort(distance, kind="stable")
    rank = np.empty_like(nearest)
    rank[nearest] = occurrence(cluster[nearest])
    return np.lexsort((distance, -np.bincount(cluster)[cluster], rank))


def _clusters(
    vectors: npt.NDArray[np.float64], n_clusters: int, seed: int
) -> tuple[npt.NDArray[np.float64], IntArray]:
    """(C, D) centres and (N,) the cluster of each vector; fewer clusters where vectors repeat."""
    # One trial a centre, as in the original k-means++: scikit-learn's several cost more than Lloyd's steps.
    starts, _ = kmeans_plusplus(vectors, n_clusters, random_state=seed, n_local_trials=1)
    starts = np.unique(starts, axis=0)
    model = KMeans(len(starts), init=starts, n_init=1, max_iter=MOST_STEPS).fit(vectors)
    return model.cluster_centers_, model.labels_
