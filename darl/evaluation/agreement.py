"""Krippendorff's alpha for grades: how far several people agree, beyond chance.

    alpha = 1 - D_o / D_e

D_o is the mean squared distance of two ratings of one pair, each of a pair's n ratings counting alike; D_e
that of any two ratings at all. The distance is ordinal: delta(c, k) = sum_(g = c..k) n_g - (n_c + n_k) / 2,
with n_g ratings of grade g, so that grades between which few ratings lie are near. 1 is agreement, 0 chance,
below 0 worse than chance; above 0.8 is held to be reliable, below 0.667 not.

Reference: Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darl.predictions import FloatArray

FEWEST = 2


class Agreement(NamedTuple):
    """What several people's ratings have in common.

    Attributes:
        pairs: Pairs with two ratings or more.
        ratings: Their ratings.
        unanimous: Share of these pairs on which all say the same, in [0, 1]; NaN without any.
        alpha: Krippendorff's alpha for ordinal grades, at most 1; NaN where all ratings are of one grade.
    """

    pairs: int
    ratings: int
    unanimous: float
    alpha: float


def agreement(ratings: Sequence[Sequence[int]], n_grades: int) -> Agreement:
    """The agreement of people who each rated some of the pairs.

    Args:
        ratings: What was said of each pair; pairs with fewer than two ratings do not count.
        n_grades: K.
    """
    several = [one for one in ratings if len(one) >= FEWEST]
    counts = np.array([np.bincount(one, minlength=n_grades) for one in several], dtype=np.float64)
    counts = counts.reshape(-1, n_grades)
    same = [len(set(one)) == 1 for one in several]
    unanimous = float(np.mean(same)) if same else float("nan")
    return Agreement(len(several), int(counts.sum()), unanimous, _alpha(counts))


def _alpha(counts: FloatArray) -> float:
    """Alpha of (N, K) counts of each grade among a pair's ratings."""
    weighted = counts / (counts.sum(axis=1, keepdims=True) - 1)
    coincidences = counts.T @ weighted - np.diag(weighted.sum(axis=0))
    of_grade = coincidences.sum(axis=1)
    # delta(c, k) is the way from the middle of grade c's ratings in their order to the middle of grade k's.
    middles = np.cumsum(of_grade) - of_grade / 2
    distances = (middles[:, None] - middles) ** 2
    expected = float(of_grade @ distances @ of_grade)
    if not expected:
        return float("nan")
    return 1 - float(of_grade.sum() - 1) * float((distances * coincidences).sum()) / expected
