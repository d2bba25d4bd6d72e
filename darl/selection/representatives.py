"""Pairs that stand for many others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray, IntArray
from darl.selection.clusters import MOST_CLUSTERS, centres, fitted_rows, nearest_centre
from darl.selection.order import occurrence, smallest_first
from darl.vectors import unit


def representatives(
    features: FloatArray,
    groups: IntArray,
    n: int,
    rng: np.random.Generator,
    rows: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """(N,) every index, the best stand-ins for the rest first, the groups taking turns.

    Each group is clustered by k-means on its L2-normalised features, into as many clusters as its even
    share of n, at most `MOST_CLUSTERS`. The pair nearest to each centre comes first (large clusters before
    small ones), then the second nearest of each cluster, and so on; equals in random order.

    Args:
        features: (N, D), or more, of which `rows` are looked at.
        groups: (N,) the group of each pair.
        n: How many of the first indices will be used.
        rng: Draws the first centres.
        rows: (N,) which features are those of each pair; None = all, in their order.
    """
    place = np.empty(len(groups), dtype=np.int64)
    for group, share in even_shares(groups, n).items():
        members = np.flatnonzero(groups == group)
        order = _central_first(features, members if rows is None else rows[members], share, rng)
        place[members[order]] = np.arange(len(members))
    return np.lexsort((groups, place))


def even_shares(groups: IntArray, n: int) -> dict[int, int]:
    """How many of n each group gives: as even as the sizes allow, of equals the lower group first.

    >>> even_shares(np.array([0] * 9 + [1] * 2 + [2] * 9), 8)
    {0: 3, 1: 2, 2: 3}
    """
    taken = groups[np.lexsort((groups, occurrence(groups)))[:n]]
    return {int(group): int((taken == group).sum()) for group in np.unique(groups)}


def _central_first(
    features: FloatArray, rows: npt.NDArray[np.int64], n_clusters: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """(len(rows),) an order of rows: by rank in the cluster, then the cluster's size, then the distance."""
    if n_clusters >= len(rows):
        return rng.permutation(len(rows))
    sample = unit(features[rows[fitted_rows(len(rows), rng)]])
    found = centres(sample, min(max(n_clusters, 1), MOST_CLUSTERS), rng)
    cluster, distance = nearest_centre(features, rows, found)
    nearest = smallest_first(distance, rng)
    cluster = cluster[nearest]
    order: npt.NDArray[np.int64] = nearest[np.lexsort((-np.bincount(cluster)[cluster], occurrence(cluster)))]
    return order
