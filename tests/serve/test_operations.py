"""Metrics, drift, capture, another model, deadlines: what an operator sees and sets."""

from __future__ import annotations

import gc
import logging
import time
import weakref

import numpy as np
import pytest

from darl.data.readers import read_pairs
from darl.serve.logs import JsonLines
from darl.serve.served import Served
from tests.cli.test_cli import darl, rows_of
from tests.serve.made import DOCUMENTS, QUERY, ask, metric, pairs_of, save_served, told_offline

ADMIN = {"Authorization": "Bearer admin-key-0123456789"}
ADMIN_KEYS = ("admin-key-0123456789",)
BODY = {"query": QUERY, "documents": DOCUMENTS}


def test_metrics_count_what_happens(started, served):
    with started(served) as client:
        ask(client)
        client.post("/v2/rerank", json={})
        client.get("/nothing")
        rerank = {"route": "/v2/rerank"}
        assert metric(client, "te_request_count_total", **rerank) == 2
        assert metric(client, "te_request_success_total", **rerank) == 1
        assert metric(client, "te_request_failure_total", err="validation", **rerank) == 1
        assert metric(client, "te_request_failure_total", err="not_found", route="unknown") == 1
        assert metric(client, "te_request_duration_count", **rerank) == 1
        assert metric(client, "te_batch_next_size_sum") == len(DOCUMENTS)
        assert metric(client, "te_batch_next_tokens_sum") > len(DOCUMENTS)
        for name in ("te_request_queue_duration", "te_request_inference_duration", "te_request_pairs"):
            assert metric(client, f"{name}_count") == 1
        assert metric(client, "darl_pairs_total") == len(DOCUMENTS)
        assert metric(client, "darl_model_info", sha=served.digest[:12]) == 1


def test_captured_pairs_are_a_pool(started, served, tmp_path, folder):
    capture = {"folder": tmp_path / "pool", "percentile": 60, "most": 6, "file_pairs": 4}
    texts = [f"&%$ {number} (((" for number in range(12)]
    with started(served, capture=capture) as client:
        told = ask(client, documents=[*DOCUMENTS, *texts], darl=True)
        ask(client, documents=[*DOCUMENTS, *texts])
        assert metric(client, "darl_captured_pairs_total") == 6
    unusual = {([*DOCUMENTS, *texts])[one["index"]] for one in told if one["darl"]["ood_percentile"] >= 60}
    assert len(unusual) > 6
    files = sorted((tmp_path / "pool").iterdir())
    pairs = [pair for file in files for pair in read_pairs(file)]
    assert len(pairs) == len({pair.item for pair in pairs}) == 6
    assert {pair.item for pair in pairs} <= unusual
    assert {pair.query for pair in pairs} == {QUERY}
    assert len({pair.query_id for pair in pairs}) == 1


def test_what_is_captured_is_where_the_next_round_selects_from(started, served, tmp_path, folder):
    with started(served, capture={"folder": tmp_path / "pool", "percentile": 0}) as client:
        ask(client)
    for command in (
        ("predict", folder, tmp_path / "pool", "--out", tmp_path / "graded", "--features"),
        ("select", folder, tmp_path / "graded", "--n", 3, "--out", tmp_path / "to_grade.csv"),
    ):
        darl(*command)
    rows = rows_of(tmp_path / "to_grade.csv")
    assert len({row["item"] for row in rows} & set(DOCUMENTS)) == len(rows) == 3


def test_reload_and_roll_back(started, served, tiny_llm, folder):
    other = save_served(folder.parent / "second", tiny_llm, seed=9)
    expected = {one: told_offline(one, pairs_of()).decisions.scores / 2 for one in (served.folder, other)}

    def scores(client):
        found = ask(client)
        return [one["relevance_score"] for one in sorted(found, key=lambda one: one["index"])]

    with started(served, admin_keys=ADMIN_KEYS, cache_bytes=1 << 20) as client:
        np.testing.assert_allclose(scores(client), expected[served.folder], atol=1e-5)
        assert client.post("/admin/rollback", headers=ADMIN).status_code == 404
        told = client.post("/admin/reload", json={"model": "second"}, headers=ADMIN)
        assert told.json()["folder"] == str(other.resolve())
        assert client.get("/info").json()["model_sha"] == told.json()["model_sha"] != served.digest
        np.testing.assert_allclose(scores(client), expected[other], atol=1e-5)
        assert metric(client, "darl_model_info", sha=served.digest[:12]) is None
        back = client.post("/admin/rollback", headers=ADMIN).json()
        assert back["model_sha"] == served.digest
        np.testing.assert_allclose(scores(client), expected[served.folder], atol=1e-5)


def test_a_reload_leaves_nothing_of_the_model_before_the_last(started, served, monkeypatch):
    loaded, plain = [], Served.load

    def load(folder):
        one = plain(folder)
        loaded.append(weakref.ref(one.model))
        return one

    monkeypatch.setattr(Served, "load", load)
    gc.disable()
    try:
        with started(served, admin_keys=ADMIN_KEYS) as client:
            for _ in range(3):
                ask(client)
                reply = client.post("/admin/reload", json={"model": served.folder.name}, headers=ADMIN)
                assert reply.status_code == 200
            assert [one() is None for one in loaded] == [True, False, False]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("../..", "expected a folder within"),
        ("/etc", "expected a folder within"),
        ("absent", "expected a model folder"),
        ("\0", "expected the path of a folder"),
        ("damaged", "truncated or altered"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_refused_and_the_old_one_stays(
    started, served, tiny_llm, folder, model, told
):
    if model == "damaged":
        damaged = save_served(folder.parent / "damaged", tiny_llm, bare=True)
        (damaged / "head.safetensors").write_bytes(b"")
    with started(served, admin_keys=ADMIN_KEYS) as client:
        reply = client.post("/admin/reload", json={"model": model}, headers=ADMIN)
        assert reply.status_code == 422
        assert told in reply.json()["message"]
        assert client.get("/info").json()["model_sha"] == served.digest
        assert ask(client)


def test_who_may_change_the_model(started, served):
    with started(served, keys=("some-key-0123456789",)) as client:
        reply = client.post("/admin/reload", json={"model": "x"}, headers=ADMIN)
        assert reply.status_code == 403
        assert "no admin keys" in reply.json()["message"]
    with started(served, keys=("some-key-0123456789",), admin_keys=ADMIN_KEYS) as client:
        for path in ("/admin/reload", "/admin/rollback"):
            assert client.post(path, json={"model": "x"}).status_code == 401
            headers = {"Authorization": "Bearer some-key-0123456789"}
            assert client.post(path, json={"model": "x"}, headers=headers).status_code == 401
        assert client.post("/v2/rerank", json=BODY, headers=ADMIN).status_code == 200


def slow(monkeypatch, seconds):
    from darl.serve.served import Served

    answer = Served.answer

    def slowly(self, pairs, texts, known=None):
        time.sleep(seconds)
        return answer(self, pairs, texts, known)

    monkeypatch.setattr(Served, "answer", slowly)


def test_what_is_not_answered_in_time_is_a_504(started, served, monkeypatch):
    with started(served, deadline=0.2) as client:
        with monkeypatch.context() as patch:
            slow(patch, 1.0)
            reply = client.post("/v2/rerank", json=BODY)
            assert (reply.status_code, reply.json()["error_type"]) == (504, "deadline")
            assert "within 0.2 s" in reply.json()["message"]
        time.sleep(1.0)
        assert metric(client, "te_queue_size") == 0


def test_a_full_queue_is_a_429(started, served, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    slow(monkeypatch, 0.3)
    with started(served, max_documents=7, queue_pairs=7) as client, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: client.post("/v2/rerank", json=BODY), range(8)))
    codes = [reply.status_code for reply in replies]
    assert set(codes) == {200, 429}
    refused = replies[codes.index(429)]
    assert refused.json()["error_type"] == "overloaded"
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize("texts", [False, True])
def test_errors_are_logged_without_what_they_say_unless_texts_are_asked_for(texts):
    try:
        raise ValueError("text of a client")
    except ValueError as error:
        record = logging.LogRecord("darl.serve", logging.ERROR, "", 0, "failed", (), None)
        record.exc_info = (ValueError, error, error.__traceback__)
        record.request_id = "r1"
    line = JsonLines(texts=texts).format(record)
    assert ("text of a client" in line) == texts
    assert '"error": "ValueError"' in line
    assert '"request_id": "r1"' in line
