"""Kept answers: the same as fresh ones, bounded, and of one model."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from darl.pairs import Pair
from darl.serve.cache import ENTRY_BYTES, AnswerCache, ReadingCache, read_row
from darl.serve.metrics import Metrics
from darl.serve.served import Served
from tests.serve.made import DOCUMENTS, QUERY, pairs_of, save_served, told_offline

ADMIN = "admin-key-0123456789"


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


def test_readings_are_those_of_a_model_and_bounded():
    metrics = Metrics()
    row = 4 * 4 + ENTRY_BYTES
    cache = ReadingCache(2 * row, metrics)
    readings = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert cache.of("m").find([[1, 2]]) == {}
    cache.of("m").keep([[1, 2], [12]], readings[:2])
    found = cache.of("m").find([[12], [1], [1, 2]])
    assert set(found) == {0, 2}
    np.testing.assert_array_equal(found[0], readings[1])
    assert cache.of("other").find([[1, 2], [12]]) == {}
    cache.of("m").keep([[7]], readings[2:])
    assert set(cache.of("m").find([[1, 2], [12], [7]])) == {0, 2}
    assert cache.bytes == 2 * row
    told = metrics.text().decode()
    assert "darl_texts_total 9.0" in told
    assert "darl_cached_texts_total 4.0" in told
    assert f"darl_readings_bytes {float(2 * row)}" in told


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, tiny_encoder):
    folder = save_served(tmp_path_factory.mktemp("encoder") / "model", tiny_encoder)
    return Served.load(folder)


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_from_kept_readings_are_those_of_the_model(started, encoder, workers):
    expected = told_offline(encoder.folder, pairs_of()).decisions.scores / 2
    body = {"query": QUERY, "documents": DOCUMENTS}
    other = save_served(encoder.folder.parent / "other", Path(encoder.model.config.backbone), seed=9)
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with started(encoder, readings_bytes=1 << 20, workers=workers, admin_keys=(ADMIN,)) as client:
        for documents in (DOCUMENTS[:3], DOCUMENTS, DOCUMENTS):
            reply = client.post("/v2/rerank", json=body | {"documents": documents}).json()
            found = {one["index"]: one["relevance_score"] for one in reply["results"]}
            np.testing.assert_allclose(
                [found[row] for row in sorted(found)], expected[: len(found)], atol=1e-5
            )
        told = client.get("/metrics").text
        assert "darl_texts_total 20.0" in told
        assert "darl_cached_texts_total 12.0" in told
        assert client.post("/admin/reload", json={"model": other.name}, headers=headers).status_code == 200
        assert "darl_readings_bytes 0.0" in client.get("/metrics").text
        reply = client.post("/v2/rerank", json=body).json()
        found = {one["index"]: one["relevance_score"] for one in reply["results"]}
    after = told_offline(other, pairs_of()).decisions.scores / 2
    assert np.abs(after - expected).max() > 1e-3
    np.testing.assert_allclose([found[row] for row in sorted(found)], after, atol=1e-5)
