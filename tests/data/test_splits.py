from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.data.splits import allot, check_no_leak, normalise_query, split_by_query
from darl.errors import ConfigError, DataError
from darl.pairs import GradedPair, Pair

SHARES = {"train": 0.5, "valid": 0.1, "pool": 0.2, "in_dist": 0.2}


def graded(*queries: str) -> list[GradedPair]:
    return [GradedPair(Pair(f"q{i}", query, f"i{i}", "x"), 0) for i, query in enumerate(queries)]


def pairs(*queries: str) -> list[Pair]:
    return [one.pair for one in graded(*queries)]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Running  Shoes", "running shoes"),
        ("\u00a0running\tshoes\n", "running shoes"),
        ("“running shoes”?!", "running shoes"),
        ("( running shoes )", "running shoes"),
        ("\uff32\uff35\uff2e\uff2e\uff29\uff2e\uff27 shoes", "running shoes"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("cafe\u0301", "café"),
        ("men's shoes, red", "men's shoes, red"),
        ("c++", "c++"),
        ("¿?", "¿?"),
        ("", ""),
    ],
)
def test_spellings_of_one_query_are_one(text, normal):
    assert normalise_query(text) == normal


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise_query(text)
    assert normalise_query(once) == once


@given(st.text(min_size=1))
def test_case_and_outer_space_never_matter(text):
    assert normalise_query(f"  {text}\n") == normalise_query(text)


def test_splits_without_a_common_query_pass():
    check_no_leak({"train": pairs("a", "b"), "valid": pairs("c"), "far_ood": pairs("d")})


def test_only_train_and_pool_may_share_queries():
    check_no_leak({"train": pairs("a", "b"), "pool": pairs("A", "c")})
    for one, other in [("train", "valid"), ("pool", "valid"), ("pool", "near_ood"), ("in_dist", "far_ood")]:
        with pytest.raises(DataError, match=f"{one} and {other}"):
            check_no_leak({one: pairs("a", "b"), other: pairs("A!", "c")})


def test_what_may_be_shared_can_be_narrowed():
    with pytest.raises(DataError, match="train and pool"):
        check_no_leak({"train": pairs("a"), "pool": pairs("a")}, may_share=())


def test_a_leak_names_twenty_examples_and_the_count():
    queries = [f"query {i}" for i in range(30)]
    with pytest.raises(DataError) as caught:
        check_no_leak({"train": pairs(*queries), "valid": pairs(*queries)})
    assert len(caught.value.faults) == 30
    assert str(caught.value).count("received 'query ") == 20
    assert "and 10 more" in str(caught.value)


@settings(max_examples=50)
@given(st.integers(4, 60), st.integers(0, 2**32 - 1), st.data())
def test_every_pair_is_in_one_part_with_its_whole_query(n, seed, data):
    names = [f"query {i}" for i in range(n)]
    spelt = st.sampled_from(names).flatmap(lambda q: st.sampled_from([q, q.upper(), f" {q}?"]))
    corpus = graded(*names, *data.draw(st.lists(spelt, max_size=30)))
    parts = split_by_query(corpus, SHARES, np.random.default_rng(seed))
    assert list(parts) == list(SHARES)
    assert sorted(one for part in parts.values() for one in part) == sorted(corpus)
    check_no_leak({name: [one.pair for one in part] for name, part in parts.items()}, may_share=())
    for part in parts.values():
        assert list(part) == [one for one in corpus if one in part]


@given(st.integers(4, 400), st.integers(0, 99))
def test_parts_have_their_share_to_the_nearest_query_and_are_never_empty(n, seed):
    counts = {name: len(keys) for name, keys in allot(range(n), SHARES, np.random.default_rng(seed)).items()}
    assert sum(counts.values()) == n
    assert min(counts.values()) >= 1
    if n >= 10:
        assert all(abs(counts[name] - share * n) < 1 + 1e-9 for name, share in SHARES.items())


def test_one_seed_gives_one_split_whatever_the_order_of_the_pairs():
    corpus = graded(*(f"query {i}" for i in range(40)))
    first = split_by_query(corpus, SHARES, np.random.default_rng(5))
    again = split_by_query(corpus[::-1], SHARES, np.random.default_rng(5))
    other = split_by_query(corpus, SHARES, np.random.default_rng(6))
    assert {name: sorted(part) for name, part in first.items()} == {
        name: sorted(part) for name, part in again.items()
    }
    assert first != other


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"a": 0.5, "b": 0.6}, "sum of 1, received 1.1"),
        ({"a": 1.5, "b": -0.5}, "b: expected a number above 0"),
        ({"a": float("nan")}, "a: expected a number above 0"),
        ({"a": True}, "a: expected a number above 0, received True"),
        ({}, "sum of 1, received 0"),
    ],
)
def test_shares_must_be_shares(shares, message):
    with pytest.raises(ConfigError, match=message):
        split_by_query(graded("a", "b", "c"), shares, np.random.default_rng(0))


def test_fewer_queries_than_parts_are_refused():
    with pytest.raises(DataError, match="expected at least one query for each of a, b, received 1"):
        split_by_query(graded("x", "X"), {"a": 0.5, "b": 0.5}, np.random.default_rng(0))
