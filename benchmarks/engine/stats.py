"""What a table says of repeated measurements."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Spread(NamedTuple):
    """The median of some numbers, and how far they reach."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and greatest.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("expected at least one value, received none")
    return Spread(statistics.median(values), min(values), max(values))


def ratios(times: Mapping[str, Sequence[float]], name: str, base: str) -> list[float]:
    """How many times as fast as `base` `name` was, round by round: time of base / time of name.

    Contenders of one round run one after the other, so a ratio within a round is little moved by a machine
    that slows down between rounds.

    Args:
        times: Seconds of each round, by contender.
        name: The contender.
        base: What it is compared with.

    Raises:
        ValueError: The two have not run in the same rounds.
    """
    own, others = times[name], times[base]
    if len(own) != len(others):
        raise ValueError(
            f"expected as many rounds of {name} as of {base}, received {len(own)}, {len(others)}"
        )
    return [other / one for one, other in zip(own, others, strict=True)]


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's correlation of two score lists; ties get their mean rank. None where one is constant."""
    one, other = _ranks(first), _ranks(second)
    if one.std() == 0 or other.std() == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(values: Sequence[float]) -> npt.NDArray[np.float64]:
    _, place, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    means: npt.NDArray[np.float64] = np.cumsum(count) - (count + 1) / 2
    return means[place]
