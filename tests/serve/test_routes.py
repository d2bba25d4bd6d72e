"""The shapes of the ranking routes, and that they say what darl predict says."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from darl.grades import GradeScale
from darl.pairs import Pair
from tests.serve.made import DOCUMENTS, NAME, QUERY, ask, pairs_of, save_served, told_offline

K = 3
ATOL = 1e-5


@pytest.fixture(scope="module")
def offline(folder):
    return told_offline(folder, pairs_of())


def asked(client, path, body, code=200):
    reply = client.post(path, json=body)
    assert reply.status_code == code, reply.text
    return reply.json()


def in_order(found, key):
    """Scores in the order of the documents, of results in any order."""
    return [one[key] for one in sorted(found, key=lambda one: one["index"])]


def test_cohere(client, offline):
    reply = asked(client, "/v2/rerank", {"model": NAME, "query": QUERY, "documents": DOCUMENTS})
    assert set(reply) == {"id", "results", "meta"}
    assert reply["meta"]["api_version"] == {"version": "2"}
    assert all(set(one) == {"index", "relevance_score"} for one in reply["results"])
    expected = offline.decisions.scores / (K - 1)
    np.testing.assert_allclose(in_order(reply["results"], "relevance_score"), expected, atol=ATOL)
    scores = [one["relevance_score"] for one in reply["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_cohere_top_n_and_documents(client):
    body = {"query": QUERY, "documents": DOCUMENTS, "top_n": 2, "return_documents": True}
    found = asked(client, "/v2/rerank", body)["results"]
    assert len(found) == 2
    assert [one["document"]["text"] for one in found] == [DOCUMENTS[one["index"]] for one in found]
    everything = asked(client, "/v2/rerank", body | {"top_n": None})["results"]
    assert [one["index"] for one in everything[:2]] == [one["index"] for one in found]


def test_jina(client, offline):
    reply = asked(client, "/v1/rerank", {"model": NAME, "query": QUERY, "documents": DOCUMENTS})
    assert set(reply) == {"id", "model", "usage", "results"}
    assert reply["model"] == NAME
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] > len(DOCUMENTS)
    assert all(one["document"] == {"text": DOCUMENTS[one["index"]]} for one in reply["results"])
    np.testing.assert_allclose(
        in_order(reply["results"], "relevance_score"), offline.decisions.scores / (K - 1), atol=ATOL
    )
    bare = asked(client, "/v1/rerank", {"query": QUERY, "documents": DOCUMENTS, "return_documents": False})[
        "results"
    ]
    assert all(set(one) == {"index", "relevance_score"} for one in bare)


def test_objects_bring_item_fields_that_the_prompt_reads(client, folder):
    documents = [{"text": "parka", "brand": "northern", "price": 3}, {"text": "parka"}, "parka"]
    found = asked(client, "/v1/rerank", {"query": QUERY, "documents": documents})["results"]
    pairs = [Pair("", QUERY, "", "parka", "", (("brand", "northern"),)), *pairs_of(documents=["parka"] * 2)]
    expected = told_offline(folder, pairs).decisions.scores / (K - 1)
    assert abs(expected[0] - expected[1]) > 10 * ATOL
    np.testing.assert_allclose(in_order(found, "relevance_score"), expected, atol=ATOL)


def test_tei_rerank(client, offline):
    reply = asked(client, "/rerank", {"query": QUERY, "texts": DOCUMENTS})
    assert all(set(one) == {"index", "score"} for one in reply)
    np.testing.assert_allclose(in_order(reply, "score"), offline.decisions.scores / (K - 1), atol=ATOL)
    raw = asked(
        client, "/rerank", {"query": QUERY, "texts": DOCUMENTS, "raw_scores": True, "return_text": True}
    )
    np.testing.assert_allclose(in_order(raw, "score"), offline.decisions.scores, atol=ATOL)
    assert [one["text"] for one in raw] == [DOCUMENTS[one["index"]] for one in raw]


def test_tei_predict(client, offline):
    inputs = [[QUERY, text] for text in DOCUMENTS]
    reply = asked(client, "/predict", {"inputs": inputs})
    names = GradeScale().names
    for told, probs in zip(reply, offline.decisions.grade_probs, strict=True):
        assert [one["score"] for one in told] == sorted((one["score"] for one in told), reverse=True)
        by_name = {one["label"]: one["score"] for one in told}
        np.testing.assert_allclose([by_name[name] for name in names], probs, atol=ATOL)
    single = asked(client, "/predict", {"inputs": inputs[0]})
    assert [one["label"] for one in single] == [one["label"] for one in reply[0]]
    raw = asked(client, "/predict", {"inputs": inputs[0], "raw_scores": True})
    np.testing.assert_allclose(
        [math.exp(one["score"]) for one in raw], [one["score"] for one in single], atol=ATOL
    )


@pytest.mark.parametrize("path", ["/score", "/v1/score"])
def test_vllm_score(client, offline, path):
    reply = asked(client, path, {"model": NAME, "text_1": QUERY, "text_2": DOCUMENTS})
    assert (reply["object"], reply["model"]) == ("list", NAME)
    assert [(one["index"], one["object"]) for one in reply["data"]] == [(i, "score") for i in range(7)]
    np.testing.assert_allclose(
        [one["score"] for one in reply["data"]], offline.decisions.scores / (K - 1), atol=ATOL
    )
    several = asked(client, path, {"text_1": [QUERY, QUERY], "text_2": DOCUMENTS[:2]})
    np.testing.assert_allclose(
        [one["score"] for one in several["data"]], [one["score"] for one in reply["data"][:2]], atol=ATOL
    )
    alone = asked(client, path, {"text_1": QUERY, "text_2": DOCUMENTS[0]})
    assert len(alone["data"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "results"),
    [
        ("/v2/rerank", {"query": QUERY, "documents": DOCUMENTS}, "results"),
        ("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS}, "results"),
        ("/rerank", {"query": QUERY, "texts": DOCUMENTS}, None),
        ("/score", {"text_1": QUERY, "text_2": DOCUMENTS}, "data"),
    ],
)
def test_what_is_added_comes_only_where_it_is_asked_for(client, offline, path, body, results):
    plain, full = asked(client, path, body), asked(client, path, body | {"darl": True})
    plain, full = (reply[results] if results else reply for reply in (plain, full))
    assert all("darl" not in one for one in plain)
    told = in_order(full, "darl")
    decisions, names = offline.decisions, GradeScale().names
    assert [one["grade"] for one in told] == [names[grade] for grade in decisions.grades]
    assert [one["abstain"] for one in told] == decisions.abstain.tolist()
    for name, expected in [("score", decisions.scores), *offline.measures.items()]:
        np.testing.assert_allclose([one[name] for one in told], expected, atol=1e-4, err_msg=name)
    probs = [[one["grade_probs"][name] for name in names] for one in told]
    np.testing.assert_allclose(probs, decisions.grade_probs, atol=ATOL)
    assert [set(one) - {"darl"} for one in full] == [set(one) for one in plain]


@pytest.mark.parametrize(
    ("backbone_kind", "view"), [("encoder", "tuned"), ("llm", "frozen"), ("llm", "frozen.item")]
)
def test_encoders_and_other_views(backbone_kind, view, request, tmp_path, started):
    from darl.serve.served import Served

    folder = save_served(tmp_path / "model", request.getfixturevalue(f"tiny_{backbone_kind}"), view=view)
    offline = told_offline(folder, pairs_of())
    with started(Served.load(folder)) as client:
        for _ in range(2):
            body = {"query": QUERY, "documents": DOCUMENTS, "darl": True}
            told = in_order(asked(client, "/v2/rerank", body)["results"], "darl")
            np.testing.assert_allclose([one["score"] for one in told], offline.decisions.scores, atol=ATOL)
            for name, expected in offline.measures.items():
                np.testing.assert_allclose([one[name] for one in told], expected, atol=1e-4)


def test_a_model_with_nothing_kept_tells_what_it_has(tiny_llm, tmp_path, started):
    from darl.serve.served import Served

    with started(Served.load(save_served(tmp_path / "model", tiny_llm, bare=True))) as client:
        body = {"query": QUERY, "documents": DOCUMENTS, "darl": True}
        told = asked(client, "/v2/rerank", body)["results"][0]["darl"]
        unknown = {key for key, value in told.items() if value is None}
        assert unknown == {"ood_score", "ood_percentile", "abstain"}
        assert set(told) - unknown == {"grade", "grade_probs", "score"}
        measures = client.get("/drift").json()["measures"]
        assert set(measures) == {"grade", "confidence", "query_length"}
        assert "psi" not in measures["grade"]


def test_the_calibration_and_the_detector_can_be_left_out(served, started):
    from darl.models.checkpoint import load_model
    from darl.serve.served import Served

    own = load_model(served.folder).predict(pairs_of())
    with started(Served.load(served.folder, calibrated=False, ood=False)) as client:
        told = in_order(ask(client, darl=True), "darl")
        probs = [list(one["grade_probs"].values()) for one in told]
        np.testing.assert_allclose(probs, own.grade_probs, atol=ATOL)
        assert {one["abstain"] for one in told} == {one["ood_percentile"] for one in told} == {None}
        info = client.get("/info").json()
        assert (info["calibrated"], info["ood_percentile"], info["abstain"]) == (False, False, False)


@pytest.mark.parametrize(("asked_for", "served_in"), [(None, "float32"), ("bfloat16", "bfloat16")])
def test_it_is_served_in_float32_unless_told_otherwise(asked_for, served_in, tiny_llm, tmp_path, monkeypatch):
    from darl.serve.served import Served

    monkeypatch.setattr("darl.models.build.fast_bfloat16", lambda: True)  # what `auto` would take
    folder = save_served(tmp_path / "model", tiny_llm)
    served = Served.load(folder, dtype=asked_for)
    assert served.info()["model_dtype"] == served_in


def test_info(client, served):
    info = client.get("/info").json()
    assert (info["model_id"], info["model_sha"]) == (NAME, served.digest)
    assert info["grades"] == list(GradeScale().names)
    labels = info["model_type"]["classifier"]
    assert {int(number): name for number, name in labels["id2label"].items()} == dict(
        enumerate(GradeScale().names)
    )
    assert labels["label2id"] == {name: number for number, name in enumerate(GradeScale().names)}
    assert info["item_fields"] == ["brand"]
    assert (info["max_input_length"], info["max_client_batch_size"]) == (64, 1000)
    assert (info["calibrated"], info["ood_percentile"], info["abstain"]) == (True, True, True)
    assert info["auto_truncate"] is True


def test_health_ready_and_the_interface(client):
    assert client.get("/health").json() == client.get("/ready").json() == {"status": "ok"}
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v2/rerank", "/v1/rerank", "/rerank", "/predict", "/score", "/info"} <= set(paths)
    assert client.get("/docs").status_code == 200
    assert "<title>darl: try it</title>" in client.get("/").text


def test_the_page_has_every_element_that_its_script_asks_for(client):
    page = client.get("/").text
    asked_for = set(re.findall(r"""at\("([a-z]+)"\)""", page))
    assert len(asked_for) > 6
    assert asked_for <= set(re.findall(r"""id="([a-z]+)\"""", page))
    for text in set(re.findall(r"""asked\("([a-z0-9/]+)\"""", page)):
        assert f"/{text}" in client.get("/openapi.json").json()["paths"]
    assert not re.search(r"""(?:src|href)="https?:""", page)  # it works on closed networks
