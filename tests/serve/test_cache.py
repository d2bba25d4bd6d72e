"""Kept answers: the same as fresh ones, bounded, and of one model."""

from __future__ import annotations

import tracemalloc

import numpy as np

from darl.pairs import Pair
from darl.serve.cache import ENTRY_BYTES, AnswerCache, read_row
from tests.serve.made import DOCUMENTS, QUERY, pairs_of


def filled(cache, n, start=0):
    pairs = [Pair("", f"query {number}", "", "item") for number in range(start, start + n)]
    table = np.arange(n * 9, dtype=np.float64).reshape(n, 9)
    keys = cache.keys("m", pairs)
    cache.keep(keys, table)
    return keys, table


def test_what_is_kept_is_found():
    cache = AnswerCache(1 << 20)
    keys, table = filled(cache, 5)
    found = cache.find([keys[3], b"unknown", keys[0]])
    assert set(found) == {0, 2}
    np.testing.assert_array_equal(read_row(found[0])[0], table[3])
    assert cache.find(cache.keys("other model", [Pair("", "query 1", "", "item")])) == {}
    assert cache.find(cache.keys("m", [Pair("", "query 1", "", "item", fields=(("brand", "x"),))])) == {}
    assert len(cache.find(cache.keys("m", [Pair("other id", "query 1", "", "item")]))) == 1


def test_it_is_bounded_and_the_least_recently_asked_go_first():
    row = 9 * 8 + ENTRY_BYTES
    cache = AnswerCache(3 * row)
    first, _ = filled(cache, 3)
    cache.find(first[:1])
    second, _ = filled(cache, 1, start=10)
    assert (len(cache), cache.bytes) == (3, 3 * row)
    assert set(cache.find([*first, *second])) == {0, 2, 3}
    filled(cache, 1, start=10)
    assert cache.bytes == 3 * row
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)
    nothing = AnswerCache(0)
    assert nothing.keys("m", [Pair("", "a", "", "b")]) == []


def test_the_bytes_it_counts_are_about_those_it_takes():
    cache = AnswerCache(1 << 24)
    tracemalloc.start()
    filled(cache, 10_000)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.6 < taken / cache.bytes < 1.2


def test_answers_from_the_cache_are_those_of_the_model(started, served):
    body = {"query": QUERY, "documents": DOCUMENTS, "darl": True}
    with started(served, cache_bytes=1 << 20) as client:
        fresh = client.post("/v2/rerank", json=body | {"documents": DOCUMENTS[:4]}).json()
        both, kept = (client.post("/v2/rerank", json=body).json() for _ in range(2))
        metrics = client.get("/metrics").text
    assert both["results"] == kept["results"]
    assert both["meta"] == kept["meta"]
    by_index = {one["index"]: one for one in both["results"]}
    assert all(by_index[one["index"]] == one for one in fresh["results"])
    assert "darl_cached_pairs_total 11.0" in metrics
    assert "darl_pairs_total 18.0" in metrics
    assert len(pairs_of()) == 7
