"""Queries that are all but the same, against every two of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from darl.data import near_queries as room
from darl.data.near_queries import near_queries


def kinds(*queries):
    return {frozenset((near.first, near.second)): near.kind for near in near_queries(queries)}


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("running shoes men", "men running shoes", "same words"),
        ("shoes shoes men", "men shoes", "same words"),
        ("running shoes", "runing shoes", "one edit"),
        ("running shoes", "running shoe", "one edit"),
        ("running shoes", "rumning shoes", "one edit"),
        ("running shoes", "runnign shoes", "one edit"),
        ("running shoes", "srunning shoes", "one edit"),
        ("iphone 12 case", "iphone 13 case", None),
        ("iphone 1 case", "iphone 12 case", None),
        ("boots", "books", None),
        ("running shoes", "running socks", None),
    ],
)
def test_what_counts(one, other, kind):
    assert kinds(one, other).get(frozenset((one, other))) == kind


def distance(a, b):
    """Edits, two neighbours swapped being one (optimal string alignment)."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[-1, -1]


def test_against_every_two_queries():
    rng = np.random.default_rng(0)
    queries = sorted({"".join(rng.choice(list("ab c"), 7)) for _ in range(300)})
    expected = {
        frozenset(two)
        for two in combinations(queries, 2)
        if distance(*two) == 1 and set(two[0].split()) != set(two[1].split())
    }
    found = {two for two, kind in kinds(*queries).items() if kind == "one edit"}
    same = {frozenset(two) for two in combinations(queries, 2) if set(two[0].split()) == set(two[1].split())}
    assert found - same == expected
    assert len(expected) > 50


def test_a_place_where_anything_may_stand_is_no_slip(monkeypatch):
    monkeypatch.setattr(room, "CROWD", 5)
    queries = [f"vitamin {letter} pills" for letter in "abcdefgh"]
    assert kinds(*queries) == {}
    assert len(kinds(*queries[:4])) == 6


def test_nothing_to_compare():
    assert near_queries([]) == []
    assert near_queries(["one query only", "one query only"]) == []
