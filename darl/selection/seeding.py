"""k-means++ seeding: rows drawn one after another, each far from those before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray
from darl.selection.distances import from_products, lengths, squares
from darl.vectors import Vectors, blocks

MOST_TRIES = 200
"""Tries before all distances are computed anew; more save passes over the pool and cost more each."""


class OuterProducts:
    """N vectors g_i = left_i (outer) right_i, which are never written out.

    <g_i, g_j> = <left_i, left_j> <right_i, right_j>, and distances follow from that. Lengths are in units
    of the longest row of `right`, so that no square overflows.

    Args:
        left: (N, K), N >= 1; small numbers.
        right: (N, D), of any precision and length.
    """

    def __init__(self, left: FloatArray, right: FloatArray) -> None:
        right_lengths = lengths(right)
        self._unit_of_length = right_lengths.max() or 1.0
        self._left, self._right = left.astype(np.float32), right
        relative = (right_lengths / self._unit_of_length).astype(np.float32)
        self.squares: Vectors = squares(self._left) * relative**2

    def __len__(self) -> int:
        return len(self._left)

    def squared_distances(self, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Vectors:
        """(len(rows), len(others)) ||g_i - g_j||^2."""
        lefts = self._left[rows] @ self._left[others].T
        rights = self._scaled(rows) @ self._scaled(others).T
        return from_products(lefts * rights, self.squares[rows], self.squares[others])

    def nearest(self, others: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(N,) squared distance of every vector to the nearest of `others`."""
        result = np.empty(len(self))
        for block in blocks(len(self)):
            rows = np.arange(block.start, min(block.stop, len(self)))
            result[block] = self.squared_distances(rows, others).min(axis=1)
        return result

    def _scaled(self, rows: npt.NDArray[np.int64]) -> Vectors:
        return (self._right[rows].astype(np.float64) / self._unit_of_length).astype(np.float32)


def seeds(vectors: OuterProducts, first: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(at most n,) distinct rows, `first` and then each drawn by its squared distance from those before it.

    P(i) = D_i^2 / sum_j D_j^2, where D_i is the distance from i to the nearest row drawn so far. Fewer than
    n where every vector that is left equals one that was drawn.

    Reference: Arthur and Vassilvitskii, k-means++: The Advantages of Careful Seeding, 2007.
    """
    drawn = np.array([first])
    weights = vectors.nearest(drawn)
    weights[first] = 0
    while len(drawn) < n and weights.any():
        more = _draw(vectors, weights, n - len(drawn), rng)
        weights = np.minimum(weights, vectors.nearest(more))
        weights[more] = 0
        drawn = np.concatenate([drawn, more])
    return drawn


def _draw(
    vectors: OuterProducts, weights: npt.NDArray[np.float64], n: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """At least one row and at most n, for squared distances `weights` from the rows drawn before.

    A pass over all vectors for each row would be slow. But distances only shrink: a row drawn by its old
    distance, and kept with the probability new / old, is a row drawn by its new distance.
    """
    cumulative = np.cumsum(weights)
    drawn = [_draw_one(cumulative, rng)]
    for _ in range(MOST_TRIES):
        if len(drawn) == n:
            break
        row = _draw_one(cumulative, rng)
        now = vectors.squared_distances(np.array([row]), np.array(drawn)).min()
        if row not in drawn and rng.random() * weights[row] < now:
            drawn.append(row)
    return np.array(drawn)


def _draw_one(cumulative: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    # Rounding could carry the product up to the total, and so past the last row.
    row = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
    return int(min(row, np.searchsorted(cumulative, cumulative[-1])))
