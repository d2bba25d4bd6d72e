"""Distances and similarities of many vectors, in float32 and a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray

Vectors = npt.NDArray[np.float32]

BLOCK = 4096
"""Rows in work at once: what is held beside the features stays small however many pairs there are."""

SAME = 1e-6
"""float32 cannot tell squared distances below this share of the squared lengths from 0, so they are 0."""


def blocks(n_rows: int, size: int = BLOCK) -> Iterator[slice]:
    """The rows 0 .. n_rows - 1, in runs of at most `size`."""
    return (slice(start, start + size) for start in range(0, n_rows, size))


def lengths(features: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) Euclidean lengths of (N, D) features of any precision."""
    result = np.empty(len(features))
    for rows in blocks(len(features)):
        result[rows] = np.linalg.norm(features[rows].astype(np.float64), axis=1)
    return result


def unit(features: FloatArray) -> Vectors:
    """(N, D) features of any precision, scaled to length 1; rows of zeros stay zeros."""
    result = np.empty(features.shape, dtype=np.float32)
    for rows in blocks(len(features)):
        block = features[rows].astype(np.float64)
        length = np.linalg.norm(block, axis=1, keepdims=True)
        result[rows] = block / np.where(length > 0, length, 1)
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
