"""Exact search for the nearest of known directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.predictions import FloatArray
from darl.vectors import Vectors, unit

Scalar = TypeVar("Scalar", bound=np.generic)
Float64 = npt.NDArray[np.float64]

MOST_PRODUCTS = 1 << 22
"""Products held at a time: bounds memory, whatever the number of pairs searched for."""

PAIRS_AT_A_TIME = 2048


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


def nearest(known: Directions, features: FloatArray, k: int) -> Neighbours:
    """The k known pairs whose directions are nearest to each of (N, D) features.

    The distance is ||z/|z| - u||, right to about 1e-7 (the directions are float32), also near 0. Each
    pair's answer depends on no other pair. Memory stays bounded: no N x M matrix is held.

    Inner products in float32 leave a few that can be the nearest; the distances of those are taken in
    float64, from differences.

    Raises:
        ShapeError: k is larger than the number of known pairs, or the features are of another width.
    """
    if features.shape[1] != known.unit.shape[1]:
        raise ShapeError(f"nearest: expected {known.unit.shape[1]} features, received {features.shape[1]}")
    if k > len(known):
        raise ShapeError(f"nearest: expected k of at most the {len(known)} known pairs, received {k}")
    parts = _parts(features, max(1, MOST_PRODUCTS // len(known)))
    found = [_nearest(known, unit(part), k) for part in parts]
    distances, rows = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return Neighbours(distances, rows)


def drawn(features: FloatArray, most: int) -> npt.NDArray[np.int64]:
    """Increasing indices of `most` of N features, or of all if there are no more.

    The draw is as good as random and always the same: those whose numbers have the smallest hashes, so that
    the order of the pairs does not count.
    """
    if len(features) <= most:
        return np.arange(len(features))
    keys = [int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest()) for row in features]
    return np.sort(np.argsort(np.array(keys, dtype=np.uint64), kind="stable")[:most])


def _nearest(known: Directions, vectors: Vectors, k: int) -> Neighbours:
    close = _close(known, vectors, k)
    row, column = np.divmod(np.flatnonzero(close), len(known))
    distances = _distances(vectors, row, known.unit, column)
    order = np.lexsort((distances, row))
    first = np.searchsorted(row, np.arange(len(vectors)))
    chosen = order[first[:, None] + np.arange(k)]
    return Neighbours(distances[chosen], known.rows[column[chosen]])


def _close(known: Directions, vectors: Vectors, k: int) -> npt.NDArray[np.bool_]:
    """(N, M) which can be among the k nearest: at least k in every row, mostly hardly more."""
    n_known, width = known.unit.shape
    # |a - u|^2 = |a|^2 - 2 (a'u - |u|^2 / 2): the largest are the nearest.
    products = vectors @ known.unit.T
    products -= known.halves.astype(np.float32)
    kth = np.partition(products, n_known - k, axis=1)[:, n_known - k]
    rounding = 4 * np.finfo(np.float32).eps * np.sqrt(width, dtype=np.float32)
    close: npt.NDArray[np.bool_] = products >= (kth - rounding)[:, None]
    crowded = np.flatnonzero(np.count_nonzero(close, axis=1) > k + 64 + n_known // 32)
    if len(crowded):
        close[crowded] = _closest(known, vectors[crowded], k)
    return close


def _closest(known: Directions, vectors: Vectors, k: int) -> npt.NDArray[np.bool_]:
    """`_close` by float64, exactly k in every row: for rows in which float32 tells too few apart."""
    wide = vectors.astype(np.float64)
    parts = _parts(known.unit, PAIRS_AT_A_TIME)
    products = np.concatenate([wide @ part.astype(np.float64).T for part in parts], axis=1) - known.halves
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
