"""Numbers on how query and item match, one by one, and the grades of a query's other items."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from darl.evaluation import match
from darl.evaluation.match import grades_around, match_features
from darl.pairs import Pair

PAIRS = [
    Pair("1", "Red shoes", "a", "red boots"),
    Pair("1", "Red shoes", "b", "SHOES, red, red!"),
    Pair("2", "hat", "c", "lamp"),
    Pair("1", "Red shoes", "d", "blue hat"),
]
ROWS = np.array([0, 0, 1, 0])
RNG = np.random.default_rng(0)
QUERY, ITEM = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5))


def weight(n):
    return log((4 + 1) / (n + 0.5))


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_the_numbers_of_a_pair():
    red, shoes, hat = weight(2), weight(1), weight(1)
    expected = [
        [2, 2, 1, 1 / 2, red / (red + shoes), shoes],
        [2, 2, 2, 1, 1, 0],
        [1, 1, 0, 0, 0, hat],
        [2, 2, 0, 0, 0, max(red, shoes)],
    ]
    found = match_features(PAIRS, ROWS, QUERY, ITEM)
    np.testing.assert_allclose(found[:, 1:7], expected)
    np.testing.assert_allclose(
        found[:, 0], [cosine(*two) for two in zip(QUERY, ITEM, strict=True)], atol=1e-6
    )


def test_where_a_pair_stands_among_its_query_s():
    found = match_features(PAIRS, ROWS, QUERY, ITEM)
    own, within = found[:, :7], found[:, 7:]
    rows = [0, 1, 3]
    for column in range(7):
        values = own[rows, column]
        expected = (values - values.mean()) / values.std() if values.std() > 1e-9 else np.zeros(3)
        np.testing.assert_allclose(within[rows, column], expected, atol=1e-9)
    np.testing.assert_array_equal(within[2], 0)


@pytest.mark.parametrize("block", [2, 4096])
def test_the_grades_of_the_other_items(monkeypatch, block):
    monkeypatch.setattr(match, "BLOCK", block)
    grades = np.array([2, 0, 1, 2])
    found = grades_around(grades, 3, ROWS, ITEM)
    for i in (0, 1, 3):
        others = [j for j in (0, 1, 3) if j != i]
        shares = [(sum(grades[j] == k for j in others) + 1 / 3) / 3 for k in range(3)]
        weights = [exp(8 * (cosine(ITEM[i], ITEM[j]) - 1)) for j in others]
        alike = [
            (sum(w for w, j in zip(weights, others, strict=True) if grades[j] == k) + 1e-3 / 3)
            / (sum(weights) + 1e-3)
            for k in range(3)
        ]
        np.testing.assert_allclose(found[i], [*shares, *alike, 3], rtol=1e-4)
    np.testing.assert_allclose(found[2], [1 / 3] * 6 + [1])


def test_a_pair_s_own_grade_has_no_part_in_what_is_around_it():
    rng = np.random.default_rng(1)
    rows, vectors, grades = rng.integers(0, 3, 30), rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    before = grades_around(grades, 3, rows, vectors)
    changed = grades.copy()
    changed[5] = (grades[5] + 1) % 3
    after = grades_around(changed, 3, rows, vectors)
    np.testing.assert_array_equal(before[5], after[5])
    others = (rows == rows[5]) & (np.arange(30) != 5)
    assert not np.allclose(before[others], after[others])
    np.testing.assert_array_equal(before[rows != rows[5]], after[rows != rows[5]])
