"""Krippendorff's alpha for ordered grades, against its definition over all pairs of ratings."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from darl.evaluation.agreement import agreement


def alpha(ratings):
    """By the definition: every ordered pair of ratings of one unit, and of any two ratings."""
    units = [of for of in ratings if len(of) > 1]
    values = [value for of in units for value in of]

    def squared(c, k):
        low, high = min(c, k), max(c, k)
        between = sum(low <= value <= high for value in values)
        return (between - (values.count(c) + values.count(k)) / 2) ** 2

    observed = sum(squared(a, b) / (len(of) - 1) for of in units for a, b in permutations(of, 2))
    expected = sum(squared(a, b) for a, b in permutations(values, 2))
    return 1 - (len(values) - 1) * observed / expected


@pytest.mark.parametrize("seed", range(5))
def test_against_the_definition(seed):
    rng = np.random.default_rng(seed)
    n_grades = int(rng.integers(2, 6))
    centres = rng.integers(0, n_grades, 25)
    ratings = [
        np.clip(centre + rng.integers(-1, 2, rng.integers(0, 5)), 0, n_grades - 1).tolist()
        for centre in centres
    ]
    found = agreement(ratings, n_grades)
    assert found.alpha == pytest.approx(alpha(ratings), abs=1e-12)
    assert found.pairs == sum(len(of) > 1 for of in ratings)
    assert found.ratings == sum(len(of) for of in ratings if len(of) > 1)
    assert found.unanimous == pytest.approx(np.mean([len(set(of)) == 1 for of in ratings if len(of) > 1]))


def test_published_example():
    """Krippendorff 2011, section D: four observers, 12 units, missing data; ordinal alpha 0.815."""
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    ratings = [[value for value in unit if value is not None] for unit in zip(*table, strict=True)]
    assert agreement(ratings, 6).alpha == pytest.approx(0.815, abs=5e-4)


def test_the_ends():
    assert agreement([(0, 0), (2, 2), (1, 1, 1)], 3).alpha == 1
    assert agreement([(0, 2), (2, 0)], 3).alpha < 0
    assert agreement([(0, 1), (1, 2), (0, 0)], 3).alpha > agreement([(0, 2), (1, 2), (0, 0)], 3).alpha


@pytest.mark.parametrize("ratings", [[], [(1,), ()], [(1, 1), (1, 1)]])
def test_nothing_to_agree_on(ratings):
    assert math.isnan(agreement(ratings, 3).alpha)
