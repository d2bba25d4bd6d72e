"""A budget divided in proportion, a turn at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from darl.predictions import FloatArray, IntArray
from darl.selection.order import occurrence

ROUNDED = 1e-3
"""How far shares may be from a sum of 1: thirds are written 0.333."""


def turns(shares: Sequence[float] | FloatArray, sizes: IntArray, n: int) -> npt.NDArray[np.int64]:
    """(n,) the group whose turn it is, each time, so that every prefix is divided by `shares`.

    The j-th turn of group g falls due at (j - 1/2) / share_g; of those due together, earlier turns and
    lower groups come first. A group that has no more to give is passed over, and a share of 0 has its
    turns when all others have nothing left. The number of turns of a group is its part of n: exactly
    n share_g where these are integers and the sizes suffice.

    Args:
        shares: (G,) at least 0.
        sizes: (G,) how much each group has to give.
        n: At most the sum of sizes.

    Reference: Sainte-Lague's rule of dividing seats. Largest remainders would divide about alike, but a
    larger n could take from a group, and the order of turns would need a second rule.

    >>> turns([0.5, 0.25, 0.25], np.array([9, 9, 1]), 9).tolist()
    [0, 1, 2, 0, 0, 1, 0, 0, 1]
    """
    group = np.repeat(np.arange(len(sizes)), np.minimum(sizes, n))
    turn = occurrence(group)
    with np.errstate(divide="ignore"):
        due = (turn + 0.5) / np.asarray(shares, dtype=np.float64)[group]
    return group[np.lexsort((group, turn, due))[:n]]


def check_shares(shares: object) -> None:
    """Refuse what is not a list of shares.

    Raises:
        ValueError: It is no list, or not of numbers of at least 0 that sum to 1.
    """
    if (
        not isinstance(shares, list | tuple)
        or not all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
        or not all(0 <= share <= 1 for share in shares)
        or not math.isclose(sum(shares), 1, abs_tol=ROUNDED)
    ):
        raise ValueError(f"shares: expected numbers of at least 0 that sum to 1, received {shares!r}")
