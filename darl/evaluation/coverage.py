"""Which traffic the training set covers, and what a selection adds: to be seen before paying for labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin_min

from darl.nearest import Directions, nearest
from darl.predictions import Candidates, FloatArray, IntArray, QueryIds, ood_percentiles
from darl.vectors import blocks, unit

USUAL = 95.0
"""A pair is uncovered above this percentile of the held-out in-distribution pairs."""

CLUSTERS, EXAMPLES = 12, 4
SAMPLE = 20_000


@dataclass(frozen=True)
class Cluster:
    """Pool pairs that are alike.

    Attributes:
        rows: (n,) their places in the pool, the most central first.
        selected: How many of them were selected.
        percentile: Median ood_percentile.
        uncovered: Share whose ood_percentile is above USUAL, in [0, 1].
        examples: Places of a few central ones, of different queries where there are several.
    """

    rows: IntArray
    selected: int
    percentile: float
    uncovered: float
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Coverage:
    """A pool of N pairs beside the L training pairs, and the n selected of them.

    Attributes:
        percentiles: (N,) share of held-out in-distribution pairs that are less unusual, 0 to 100.
        clusters: Of the pool, the least covered first.
        cluster_of: (N,) number of each pair's cluster, from 0.
        nearest: (n,) the training pair that each selected pair is most like, 0 .. L - 1.
        distances: (n,) to it: 1 - cosine of the features, in [0, 2].
    """

    percentiles: FloatArray
    clusters: tuple[Cluster, ...]
    cluster_of: IntArray
    nearest: IntArray
    distances: FloatArray


def coverage(
    candidates: Candidates, selected: IntArray, n_clusters: int = CLUSTERS, seed: int = 0
) -> Coverage:
    """What the training set covers of a pool.

    Args:
        candidates: The pool, with what is known.
        selected: (n,) places of the selected pairs.
        n_clusters: At most so many; fewer where the pool has fewer different pairs.
        seed: Of the clustering.
    """
    features = candidates.predictions.features
    percents = ood_percentiles(candidates.ood_scores, candidates.in_dist_scores)
    found, distances = _clusters(features, n_clusters, seed)
    clusters = [
        _cluster(np.flatnonzero(found == number), distances, percents, selected, candidates.query_ids)
        for number in np.unique(found)
    ]
    clusters.sort(key=lambda one: (-one.uncovered, -one.percentile, -len(one.rows)))
    cluster_of = np.empty(len(features), np.int64)
    for number, cluster in enumerate(clusters):
        cluster_of[cluster.rows] = number
    near, apart = _nearest(features[selected], candidates.known)
    return Coverage(percents, tuple(clusters), cluster_of, near, apart)


def _clusters(features: FloatArray, n_clusters: int, seed: int) -> tuple[IntArray, FloatArray]:
    """(N,) cluster and (N,) distance to its centre, by k-means on a sample of the directions."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(features))[:SAMPLE]
    vectors = unit(features[np.sort(some)])
    n_clusters = min(n_clusters, len(np.unique(vectors, axis=0)))
    model = MiniBatchKMeans(n_clusters, n_init=3, batch_size=4096, random_state=seed).fit(vectors)
    parts = [
        pairwise_distances_argmin_min(unit(features[rows]), model.cluster_centers_)
        for rows in blocks(len(features))
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _cluster(
    rows: IntArray,
    distances: FloatArray,
    percents: FloatArray,
    selected: IntArray,
    query_ids: QueryIds,
) -> Cluster:
    rows = rows[np.argsort(distances[rows], kind="stable")]
    return Cluster(
        rows,
        int(np.isin(rows, selected).sum()),
        float(np.median(percents[rows])),
        float((percents[rows] > USUAL).mean()),
        tuple(_different(rows.tolist(), query_ids)),
    )


def _different(rows: Sequence[int], query_ids: QueryIds) -> list[int]:
    """A few of the rows, the first ones of different queries before others."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(str(query_ids[row]), row)
        if len(first) == EXAMPLES:
            break
    taken = list(first.values())
    others = [row for row in rows[: 2 * EXAMPLES] if row not in taken]
    return (taken + others)[:EXAMPLES]


def _nearest(features: FloatArray, known: FloatArray) -> tuple[IntArray, FloatArray]:
    if not len(features) or not len(known):
        return np.full(len(features), -1), np.full(len(features), np.nan)
    found = nearest(Directions.of(known), features, 1)
    # On the unit sphere: |u - v|^2 = 2 - 2 cos.
    return found.rows[:, 0], found.distances[:, 0] ** 2 / 2
