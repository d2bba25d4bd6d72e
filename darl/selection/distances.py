"""Distances and similarities of many vectors, in float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray
from darl.vectors import Vectors, blocks, unit

SAME = 1e-6
"""float32 cannot tell squared distances below this share of the squared lengths from 0, so they are 0."""


def lengths(features: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) Euclidean lengths of (N, D) features of any precision."""
    result = np.empty(len(features))
    for rows in blocks(len(features)):
        result[rows] = np.linalg.norm(features[rows].astype(np.float64), axis=1)
    return result


def squares(vectors: npt.NDArray[np.float32]) -> Vectors:
    """(N,) squared lengths."""
    result: Vectors = np.einsum("nd,nd->n", vectors, vectors)
    return result


def squared_distances(left: Vectors, right: Vectors) -> Vectors:
    """(N, M) ||x_i - y_j||^2 of (N, D) `left` and (M, D) `right`."""
    return from_products(left @ right.T, squares(left), squares(right))


def from_products(products: Vectors, left: Vectors, right: Vectors) -> Vectors:
    """(N, M) squared distances |x_i|^2 + |y_j|^2 - 2 <x_i, y_j>, at least 0.

    Args:
        products: (N, M) <x_i, y_j>.
        left: (N,) |x_i|^2.
        right: (M,) |y_j|^2.
    """
    sums = left[:, None] + right
    result = sums - 2 * products
    result[result < SAME * sums] = 0
    return result


def mean_similarity(features: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) mean cosine similarity of each pair with all N, in [-1, 1]; larger is denser."""
    rows = list(blocks(len(features)))
    total = np.sum([unit(features[block]).sum(axis=0, dtype=np.float64) for block in rows], axis=0)
    mean = total / len(features)
    return np.concatenate([unit(features[block]) @ mean for block in rows])
