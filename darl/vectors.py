"""Many vectors, a block of rows at a time, so that millions of float16 features need no second copy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray

Vectors = npt.NDArray[np.float32]

BLOCK = 4096
"""Rows in work at once: what is held beside the features stays small however many pairs there are."""


IN_CACHE = 512
"""Rows whose float64 copies stay in a processor's cache, for work that passes over them several times."""


def blocks(n_rows: int, size: int = BLOCK) -> Iterator[slice]:
    """The rows 0 .. n_rows - 1, in runs of at most `size`."""
    return (slice(start, start + size) for start in range(0, n_rows, size))


def unit(features: FloatArray) -> Vectors:
    """(N, D) features of any precision, scaled to length 1; rows of zeros stay zeros."""
    result = np.empty(features.shape, dtype=np.float32)
    for rows in blocks(len(features), IN_CACHE):
        block = features[rows].astype(np.float64)
        length = np.linalg.norm(block, axis=1, keepdims=True)
        result[rows] = block / np.where(length > 0, length, 1)
    return result
