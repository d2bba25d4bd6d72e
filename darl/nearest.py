"""Exact search for the nearest of known directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.outline import Outline
from darl.predictions import FloatArray
from darl.vectors import Vectors, unit

Scalar = TypeVar("Scalar", bound=np.generic)
Float64 = npt.NDArray[np.float64]

MOST_PRODUCTS = 1 << 22
"""Products held at a time: bounds memory, whatever the number of pairs searched for."""

PAIRS_AT_A_TIME = 512

GROUPS, GROUPS_A_NEIGHBOUR = 256, 16
"""At least so many groups of known pairs, and so many for each of the k nearest: the k are then mostly in k
groups, and the others need no look."""

MANY_NUMBERS = 1 << 20
"""Directions of so many numbers take longer to read than one pair should wait: an outline comes first."""

FIRST = 64
"""Known pairs that are looked at first."""


class Neighbours(NamedTuple):
    """The k nearest of each of N pairs, the nearest first, of equals the earlier row.

    Attributes:
        distances: (N, k) in [0, 2].
        rows: (N, k) which of the known pairs.
    """

    distances: Float64
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Directions:
    """Directions of M known pairs' features, to be searched.

    Attributes:
        unit: (M, D) z/|z|; features that are all 0 stay 0.
        rows: (M,) increasing: which pair each is.
    """

    unit: Vectors
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, features: FloatArray, most: int | None = None) -> Directions:
        """Those of (N, D) features, or of `most` of them (see `drawn`)."""
        rows = np.arange(len(features)) if most is None else drawn(features, most)
        return cls(unit(features[rows]), rows)

    def __len__(self) -> int:
        return len(self.unit)

    @cached_property
    def halves(self) -> Float64:
        """(M,) |u|^2 / 2."""
        return np.concatenate(
            [(part.astype(np.float64) ** 2).sum(axis=1) / 2 for part in _parts(self.unit, PAIRS_AT_A_TIME)]
        )

    @cached_property
    def outline(self) -> Outline:
        """What most of the directions have in common; it is made when it is first asked for."""
        return Outline.of(self.unit, 2 * self.halves)


def nearest(known: Directions, features: FloatArray, k: int) -> Neighbours:
    """The k known pairs whose directions are nearest to each of (N, D) features.

    The distance is ||z/|z| - u||, right to about 1e-7 (the directions are float32), also near 0. Each
    pair's answer depends on no other pair. Memory stays bounded: no N x M matrix is held.

    Inner products in float32 leave a few that can be the nearest; the distances of those are taken in
    float64, from differences.

    Raises:
        ShapeError: k is larger than the number of known pairs, or the features are of another width.
    """
    found = [_nearest(known, vectors, k) for vectors in _vectors(known, features, k)]
    distances, rows = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return Neighbours(distances, rows)


def kth_distance(known: Directions, features: FloatArray, k: int) -> Float64:
    """(N,) distance to the k-th nearest: `nearest(known, features, k).distances[:, -1]`, to the bit.

    It takes less time: what is nearer beyond doubt is counted and not measured.

    Raises:
        ShapeError: As `nearest`.
    """
    return np.concatenate([_kth_distance(known, vectors, k) for vectors in _vectors(known, features, k)])


def _vectors(known: Directions, features: FloatArray, k: int) -> Iterator[Vectors]:
    """Directions of the features, as many at a time as may be compared with all that is known."""
    if features.shape[1] != known.unit.shape[1]:
        raise ShapeError(f"nearest: expected {known.unit.shape[1]} features, received {features.shape[1]}")
    if k > len(known):
        raise ShapeError(f"nearest: expected k of at most the {len(known)} known pairs, received {k}")
    return (unit(part) for part in _parts(features, max(1, MOST_PRODUCTS // len(known))))


def drawn(features: FloatArray, most: int) -> npt.NDArray[np.int64]:
    """Increasing indices of `most` of N features, or of all if there are no more.

    The draw is as good as random and always the same: those whose numbers have the smallest hashes, so that
    the order of the pairs does not count.
    """
    if len(features) <= most:
        return np.arange(len(features))
    keys = [int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) for row in features]
    return np.sort(np.argsort(np.array(keys, dtype=np.uint64), kind="stable")[:most])


class _Close(NamedTuple):
    """Which known pairs can be among the k nearest of each of N pairs: at least k each, mostly hardly more.

    Attributes:
        row: (P,) the pair, rising.
        column: (P,) the known one.
        product: (P,) a'u - |u|^2 / 2 and a constant, right to half of `_rounding`; 0 where that tells too
            little. |a - u|^2 = |a|^2 - 2 (a'u - |u|^2 / 2): the largest are the nearest.
    """

    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    product: npt.NDArray[np.float32]


def _nearest(known: Directions, vectors: Vectors, k: int) -> Neighbours:
    row, column, _ = _close(known, vectors, k)
    distances = _distances(vectors, row, known.unit, column)
    order = np.lexsort((column, distances, row))
    chosen = order[_starts(row, len(vectors))[:, None] + np.arange(k)]
    return Neighbours(distances[chosen], known.rows[column[chosen]])


def _kth_distance(known: Directions, vectors: Vectors, k: int) -> Float64:
    row, column, product = _close(known, vectors, k)
    largest_first = np.lexsort((-product, row))
    kth = product[largest_first[_starts(row, len(vectors)) + k - 1]]
    beyond_kth = product - kth[row]
    rounding = _rounding(known)
    nearer = np.bincount(row[beyond_kth > rounding], minlength=len(vectors))
    open_ = np.flatnonzero(np.abs(beyond_kth) <= rounding)
    row, column = row[open_], column[open_]
    distances = _distances(vectors, row, known.unit, column)
    order = np.lexsort((distances, row))
    kth_distance: Float64 = distances[order[_starts(row, len(vectors)) + k - 1 - nearer]]
    return kth_distance


def _starts(row: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """(n,) where each of 0 .. n - 1 begins among rising rows."""
    return np.searchsorted(row, np.arange(n))


def _rounding(known: Directions) -> np.float32:
    """Products of float32 that differ by more are in the right order."""
    return np.float32(4 * np.finfo(np.float32).eps * np.sqrt(known.unit.shape[1]))


def _close(known: Directions, vectors: Vectors, k: int) -> _Close:
    columns = _columns(known, vectors, k)
    close = _largest(_products(known, vectors, columns), k, _rounding(known))
    if not isinstance(columns, slice):
        close = close._replace(column=columns[close.column])
    counts = np.bincount(close.row, minlength=len(vectors))
    crowded = np.flatnonzero(counts > k + 64 + len(known) // 32)
    return _without_crowds(known, vectors, close, crowded, k) if len(crowded) else close


def _columns(known: Directions, vectors: Vectors, k: int) -> npt.NDArray[np.int64] | slice:
    """The known pairs that can be among the k nearest: all, but of one pair often a few of many.

    To read all directions takes as long for one pair as for several.
    """
    if len(vectors) > 1 or known.unit.size < MANY_NUMBERS or k > FIRST or len(known) < 4 * FIRST:
        return slice(None)
    bounds = known.outline.bounds(vectors[0]) + _handicap(known)
    first = np.argpartition(bounds, -FIRST)[-FIRST:]
    kth = np.partition(_products(known, vectors, first)[0], -k)[-k]
    columns = np.flatnonzero(bounds >= kth - 2 * _rounding(known))
    return columns if len(columns) <= len(known) // 4 else slice(None)


def _products(known: Directions, vectors: Vectors, columns: npt.NDArray[np.int64] | slice) -> Vectors:
    """(N, C) a'u - |u|^2 / 2 and a constant."""
    products: Vectors = vectors @ known.unit[columns].T
    products += _handicap(known)[columns]
    return products


def _handicap(known: Directions) -> Vectors:
    # All other directions are of length 1, so that |u|^2 / 2 is the same for them, and is left out.
    return np.where(known.halves == 0, np.float32(0.5), np.float32(0))


def _largest(products: Vectors, k: int, slack: np.float32) -> _Close:
    """At least the k largest of every row of (N, M) products, and all that are up to `slack` below them.

    The columns are cut into runs of equal length, and what stands at one place of all runs is a group. The
    k-th largest of the groups' maxima bounds the k-th largest of all from below, and only in a few groups is
    there anything above it.
    """
    n_columns = products.shape[1]
    n_runs = max(1, n_columns // max(GROUPS, GROUPS_A_NEIGHBOUR * k))
    length = -(-n_columns // n_runs)
    top = products[:, :length].copy()
    for start in range(length, n_columns, length):
        run = products[:, start : start + length]
        np.maximum(top[:, : run.shape[1]], run, out=top[:, : run.shape[1]])
    least = np.partition(top, length - k, axis=1)[:, length - k] - slack
    group_row, group = np.nonzero(top >= least[:, None])
    columns = group[:, None] + np.arange(0, n_columns, length)
    inside = np.minimum(columns, n_columns - 1)
    values = products[group_row[:, None], inside]
    found, at = np.nonzero((values >= least[group_row][:, None]) & (columns < n_columns))
    return _Close(group_row[found], columns[found, at], values[found, at])


def _without_crowds(
    known: Directions, vectors: Vectors, close: _Close, crowded: npt.NDArray[np.int64], k: int
) -> _Close:
    """The same, with exactly k in the rows in which float32 tells too few apart."""
    rest = ~np.isin(close.row, crowded)
    place, column = np.nonzero(_closest(known, vectors[crowded], k))
    row = np.concatenate([close.row[rest], crowded[place]])
    order = np.argsort(row, kind="stable")
    product = np.concatenate([close.product[rest], np.zeros(len(place), np.float32)])
    return _Close(row[order], np.concatenate([close.column[rest], column])[order], product[order])


def _closest(known: Directions, vectors: Vectors, k: int) -> npt.NDArray[np.bool_]:
    """(N, M) which are the k nearest by float64, exactly k in every row."""
    wide = vectors.astype(np.float64)
    # Of equal directions one product is taken: libraries round by where in a matrix a row stands.
    _, first, which = np.unique(known.unit, axis=0, return_index=True, return_inverse=True)
    parts = _parts(known.unit[first], PAIRS_AT_A_TIME)
    products = np.concatenate([wide @ part.astype(np.float64).T for part in parts], axis=1)
    products = (products - known.halves[first])[:, which.ravel()]
    # What differs by less is closer together than the directions are exact: there the earlier row is taken.
    top = np.argsort(-products.round(14), axis=1, kind="stable")[:, :k]
    closest = np.zeros(products.shape, dtype=np.bool_)
    np.put_along_axis(closest, top, True, axis=1)
    return closest


def _distances(
    one: Vectors, rows: npt.NDArray[np.int64], other: Vectors, columns: npt.NDArray[np.int64]
) -> Float64:
    """(P,) distances of rows of `one` from rows of `other`, by differences in float64."""
    return np.concatenate(
        [
            np.linalg.norm(one[left].astype(np.float64) - other[right], axis=1)
            for left, right in zip(
                _parts(rows, PAIRS_AT_A_TIME), _parts(columns, PAIRS_AT_A_TIME), strict=True
            )
        ]
    )


def _parts(array: npt.NDArray[Scalar], size: int) -> list[npt.NDArray[Scalar]]:
    """Consecutive rows, `size` at a time; one empty part of an empty array."""
    return [array[i : i + size] for i in range(0, max(len(array), 1), size)]
