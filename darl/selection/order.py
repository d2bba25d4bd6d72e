"""Orders that strategies share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def smallest_first(values: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(N,) indices by increasing value; equals in random order, so that the pool's order does not count."""
    shuffled = rng.permutation(len(values))
    return shuffled[np.argsort(values[shuffled], kind="stable")]


def occurrence(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(N,) how many equal labels come before each position.

    >>> occurrence(np.array(["a", "b", "a", "a", "b"])).tolist()
    [0, 0, 1, 2, 1]
    """
    _, label, counts = np.unique(labels, return_inverse=True, return_counts=True)
    together = np.argsort(label, kind="stable")
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    result = np.empty(len(labels), dtype=np.int64)
    result[together] = np.arange(len(labels)) - starts
    return result
