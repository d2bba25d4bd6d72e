"""Repeats, contradictions and leaks among rows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from darl.data.duplicates import Filed, conflicts, is_leak, leaks, same_pairs, shared_items
from darl.data.splits import normalise_query
from darl.pairs import Pair


def filed(file, line, query, item, grade, ids=None):
    query_id, item_id = ids or (f"q-{file}-{line}", f"i-{file}-{line}")
    return Filed(file, line, Pair(query_id, query, item_id, item), grade)


def test_a_pair_is_known_by_its_texts_or_by_its_ids():
    rows = [
        filed("a", 1, "Red  shoes", "Boots", 2, ("q", "1")),
        filed("a", 2, "red shoes", "boots!", 0),
        filed("b", 1, "red shoe", "A boot", 1, ("q", "1")),
        filed("b", 2, "red shoes", "hat", 1),
    ]
    (group,) = same_pairs(rows)
    assert group.rows == tuple(rows[:3])
    assert (group.files, group.distance, group.repeats) == (("a", "b"), 2, 0)


def test_items_that_differ_in_a_field_that_is_read_are_two():
    one = Filed("a", 1, Pair("q", "shoes", "1", "boots", fields=(("colour", "red"),)), 1)
    other = Filed("a", 2, Pair("q", "shoes", "2", "boots", fields=(("colour", "blue"),)), 2)
    assert same_pairs([one, other]) == []


def test_groups_against_every_two_rows():
    """Whatever ids and texts: rows are of one pair that are joined by a chain of equal ids or texts."""
    rng = np.random.default_rng(0)
    draws = [rng.integers((3, 12, 3, 12)) for _ in range(60)]
    rows = [
        filed("a", n, f"query {q}", f"item {i}", 0, (str(q_id), str(i_id)))
        for n, (q, i, q_id, i_id) in enumerate(draws)
    ]
    joined = np.eye(len(rows), dtype=bool)
    for i, j in combinations(range(len(rows)), 2):
        ids = [(row.pair.query_id, row.pair.item_id) for row in (rows[i], rows[j])]
        joined[i, j] = joined[j, i] = ids[0] == ids[1] or rows[i].texts == rows[j].texts
    reached = np.linalg.matrix_power(joined.astype(float), len(rows)) > 0
    expected = {frozenset(np.flatnonzero(of).tolist()) for of in reached if of.sum() > 1}
    assert {frozenset(row.line for row in group.rows) for group in same_pairs(rows)} == expected
    assert expected


def test_the_farthest_conflict_comes_first_and_repeats_count_within_a_file():
    rows = [
        filed("a", 1, "x", "one", 1),
        filed("a", 2, "x", "one", 2),
        filed("a", 3, "x", "two", 0),
        filed("b", 1, "x", "two", 2),
        filed("a", 4, "x", "three", 1),
        filed("a", 5, "x", "three", 1),
        filed("b", 2, "x", "three", 1),
    ]
    groups = same_pairs(rows)
    assert [group.distance for group in conflicts(groups)] == [2, 1]
    assert [group.rows[0].pair.item for group in conflicts(groups)] == ["two", "one"]
    assert [group.repeats for group in groups] == [0, 0, 1]


def test_a_query_in_two_files_is_a_leak_unless_they_are_train_and_pool():
    rows = [
        filed("train", 1, "Shoes", "one", 1),
        filed("train", 2, "shoes", "two", 1),
        filed("pool", 1, "shoes", "one", None),
        filed("train", 3, "hats", "one", 1),
        filed("test", 7, "“hats”", "one", 2),
        filed("test", 8, "hats", "two", 2),
        filed("pool", 2, "hats", "two", None),
    ]
    (leak,) = leaks(rows, same_pairs(rows))
    assert (leak.files, [row.line for row in leak.rows], leak.pairs) == (
        ("train", "test", "pool"),
        [3, 7, 2],
        2,
    )
    assert leaks(rows[:4], same_pairs(rows[:4])) == []
    assert len(leaks(rows[:4], same_pairs(rows[:4]), may_share=())) == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("train", "pool"), False),
        (("train", "test"), True),
        (("pool", "train", "valid"), True),
        (("a",), False),
    ],
)
def test_which_files_must_not_share(files, expected):
    assert is_leak(files) is expected


def test_leaks_are_those_that_check_no_leak_refuses():
    from darl.data.splits import check_no_leak
    from darl.errors import DataError

    rng = np.random.default_rng(1)
    rows = [
        filed(str(rng.choice(["train", "pool", "test"])), n, f"query {rng.integers(12)}", f"{n}", 0)
        for n in range(20)
    ]
    parts = {name: [row.pair for row in rows if row.file == name] for name in ("train", "pool", "test")}
    with pytest.raises(DataError) as caught:
        check_no_leak(parts)
    refused = {normalise_query(str(fault).split("'")[1]) for fault in caught.value.faults}
    assert {leak.rows[0].pair.query for leak in leaks(rows, [])} == refused


def test_items_that_two_files_share_are_counted_once():
    items = [("a", "Lamp"), ("a", "lamp"), ("b", "lamp."), ("b", "hat"), ("c", "hat"), ("c", "lamp")]
    rows = [filed(file, n, "x", item, 0) for n, (file, item) in enumerate(items)]
    assert shared_items(rows) == {("a", "b"): 1, ("a", "c"): 1, ("b", "c"): 2}
