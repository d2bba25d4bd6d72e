"""k-means on L2-normalised features, in bounded time and memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from darl.predictions import FloatArray
from darl.selection.distances import squared_distances
from darl.selection.seeding import OuterProducts, seeds
from darl.vectors import Vectors, blocks, unit

MOST_CLUSTERS = 500
"""Bounds the time of k-means; who needs more pairs takes several of each cluster."""

SEEDINGS = 4
"""The best of so many seedings starts k-means: a crowd that the only one leaves out stays left out."""

MOST_STEPS = 30
"""Bounds the time of k-means in the same way; it mostly converges sooner."""

MOST_FITTED = 25_000
"""Bounds the time and memory of k-means: of more vectors, so many at random place the centres."""


def fitted_rows(n_rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Which of n_rows vectors k-means is to see: all, or `MOST_FITTED` of them at random."""
    if n_rows <= MOST_FITTED:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, MOST_FITTED, replace=False))


def centres(vectors: Vectors, n_clusters: int, rng: np.random.Generator) -> Vectors:
    """(C, D) centres of (N, D) vectors, N >= 1; C is n_clusters, or less where vectors repeat."""
    alike = OuterProducts(np.ones((len(vectors), 1)), vectors)
    tries = [seeds(alike, int(rng.integers(len(vectors))), n_clusters, rng) for _ in range(SEEDINGS)]
    starts = vectors[min(tries, key=lambda rows: float(alike.nearest(rows).sum()))]
    # One thread: several add up as they end, and equal seeds would differ in the last digits.
    with threadpool_limits(1, user_api="openmp"):
        model = KMeans(len(starts), init=starts, n_init=1, max_iter=MOST_STEPS).fit(vectors)
    found: Vectors = model.cluster_centers_
    return found


def nearest_centre(
    features: FloatArray, rows: npt.NDArray[np.int64], centres: Vectors
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """The nearest centre of each of the L2-normalised `rows`, and its squared distance; two (len(rows),)."""
    cluster, distance = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.float32)
    for block in blocks(len(rows)):
        squared = squared_distances(unit(features[rows[block]]), centres)
        cluster[block], distance[block] = squared.argmin(axis=1), squared.min(axis=1)
    return cluster, distance
