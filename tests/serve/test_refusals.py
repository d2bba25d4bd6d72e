"""Everything that is refused: its status, the one envelope, the field, and no text of the request's."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darl.errors import ConfigError
from darl.serve import errors
from darl.serve.settings import KEYS, read_keys, read_settings
from tests.serve.made import DOCUMENTS, QUERY

BODY = {"query": QUERY, "documents": DOCUMENTS}
SECRET = "unmistakable-text-of-a-client"
KEY, OTHER, ADMIN = "first-key-0123456789", "second-key-0123456789", "admin-key-0123456789"


def refused(reply, code, kind):
    """The envelope of a refusal."""
    assert reply.status_code == code, reply.text
    told = reply.json()
    assert told["error"] == told["message"] == told["detail"] != ""
    assert told["error_type"] == kind
    assert told["request_id"] == reply.headers["x-request-id"]
    assert SECRET not in reply.text
    return told


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v2/rerank", {}, "query"),
        ("/v2/rerank", {"query": "", "documents": ["a"]}, "query"),
        ("/v2/rerank", {"query": 7, "documents": ["a"]}, "query"),
        ("/v2/rerank", {"query": SECRET}, "documents"),
        ("/v2/rerank", {"query": SECRET, "documents": []}, "documents"),
        ("/v2/rerank", {"query": SECRET, "documents": SECRET}, "documents"),
        ("/v2/rerank", {"query": SECRET, "documents": ["a", 7, "b"]}, "documents.1"),
        ("/v2/rerank", {"query": SECRET, "documents": ["a", {"title": SECRET}]}, "documents.1.text"),
        (
            "/v2/rerank",
            {"query": SECRET, "documents": [{"text": "a", "brand": [SECRET]}]},
            "documents.0.brand",
        ),
        ("/v2/rerank", BODY | {"top_n": 0}, "top_n"),
        ("/v2/rerank", BODY | {"top_n": SECRET}, "top_n"),
        ("/v2/rerank", BODY | {"max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ("/v2/rerank", BODY | {"darl": {"domain": 7}}, "darl.domain"),
        ("/v1/rerank", BODY | {"truncate": SECRET}, "truncate"),
        ("/rerank", {"query": SECRET, "texts": ["a", None]}, "texts.1"),
        ("/rerank", {"query": SECRET, "documents": ["a"]}, "texts"),
        ("/predict", {"inputs": SECRET}, "inputs"),
        ("/predict", {"inputs": [SECRET]}, "inputs.0"),
        ("/predict", {"inputs": [["a", "b"], ["", SECRET]]}, "inputs.1.0"),
        ("/predict", {"inputs": []}, "inputs"),
        ("/score", {"text_1": [SECRET] * 2, "text_2": ["a"] * 3}, "text_1"),
        ("/score", {"text_1": "", "text_2": SECRET}, "text_1"),
        ("/score", {"text_1": SECRET, "text_2": []}, "text_2"),
        ("/v2/rerank", [SECRET], "body"),
        ("/v2/rerank", BODY | {"query": "\ud800"}, "query"),
    ],
)
def test_a_field_that_is_wrong_is_named(client, path, body, field):
    reply = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    told = refused(reply, 422, "validation")
    assert field in [fault["field"] for fault in told["fields"]]
    assert field in told["message"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"query": "\xff"}', b"[" * 5000, b'{"top_n": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json(client, content):
    reply = client.post("/v2/rerank", content=content, headers={"Content-Type": "application/json"})
    told = refused(reply, 422, "validation")
    assert [fault["field"] for fault in told["fields"]] == ["body"]


def test_routes_and_models_that_are_not_there(client):
    refused(client.get("/nothing"), 404, "not_found")
    refused(client.get("/v2/rerank"), 405, "not_found")
    told = refused(client.post("/v2/rerank", json=BODY | {"model": "rerank-v3.5"}), 404, "not_found")
    assert "expected one of tiny" in told["message"]


def test_request_ids_are_kept_or_made(client):
    assert client.get("/health", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = client.get("/health", headers={"X-Request-ID": "no spaces"}).headers["x-request-id"]
    assert len(made) == 32


def test_bodies_are_bounded(started, served):
    with started(served, max_body_bytes=2000) as client:
        large = {"query": SECRET, "documents": [SECRET * 100]}
        refused(client.post("/v2/rerank", json=large), 413, "validation")
        content = json.dumps(large).encode()
        parts = (content[place : place + 500] for place in range(0, len(content), 500))
        streamed = client.post("/v2/rerank", content=parts, headers={"Content-Type": "application/json"})
        refused(streamed, 413, "validation")
        assert client.post("/v2/rerank", json=BODY).status_code == 200


def test_documents_are_counted(started, served):
    with started(served, max_documents=3) as client:
        told = refused(client.post("/rerank", json={"query": QUERY, "texts": ["a"] * 4}), 413, "validation")
        assert told["message"].startswith("texts: expected at most 3, received 4")
        assert client.post("/rerank", json={"query": QUERY, "texts": ["a"] * 3}).status_code == 200


def test_texts_that_are_too_long_are_cut_or_refused_as_asked(started, served):
    body = {"query": QUERY, "texts": ["a", "parka " * 90]}
    for setting in ("truncate", "refuse"):
        with started(served, too_long=setting) as client:
            assert client.post("/rerank", json=body | {"truncate": True}).status_code == 200
            told = refused(client.post("/rerank", json=body | {"truncate": False}), 422, "validation")
            assert [fault["field"] for fault in told["fields"]] == ["texts.1"]
            assert "expected at most 64" in told["message"]
            silent = client.post("/rerank", json=body)
            assert silent.status_code == (200 if setting == "truncate" else 422)


def test_documents_are_cut_to_the_tokens_that_are_asked_for(client):
    long = "strong wool parka lined parka leather hat"

    def score(text, **more):
        reply = client.post("/v2/rerank", json={"query": QUERY, "documents": [text], **more})
        return reply.json()["results"][0]["relevance_score"]

    cut = score(long, max_tokens_per_doc=2)
    assert cut != score(long)
    assert cut in [pytest.approx(score(long[:end]), abs=1e-6) for end in range(1, len(long))]
    assert score(long, max_tokens_per_doc=5000) == pytest.approx(score(long), abs=1e-6)


def test_keys(started, served):
    with started(served, keys=(KEY, OTHER)) as client:
        for headers in ({}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer"}):
            told = client.post("/v2/rerank", content=b"not even json", headers=headers)
            assert "no key" in refused(told, 401, "unauthorized")["message"]
            assert told.headers["www-authenticate"] == "Bearer"
        wrong = client.post("/v2/rerank", json=BODY, headers={"Authorization": f"Bearer {KEY}x"})
        assert "not known" in refused(wrong, 401, "unauthorized")["message"]
        assert KEY not in wrong.text
        refused(client.get("/info"), 401, "unauthorized")
        for headers in (
            {"Authorization": f"Bearer {KEY}"},
            {"authorization": f"bearer {OTHER}"},
            {"X-API-Key": KEY},
        ):
            assert client.post("/v2/rerank", json=BODY, headers=headers).status_code == 200
        for path in ("/health", "/ready", "/metrics", "/"):
            assert client.get(path).status_code == 200


def test_keys_are_never_shown(started, served):
    with started(served, keys=(KEY,)) as client:
        assert KEY not in repr(client.app.state.engine.settings)


def test_where_keys_come_from(tmp_path, monkeypatch):
    file = tmp_path / "keys.txt"
    file.write_text(f"# the shop\n{KEY}\n\n {OTHER} \n")
    monkeypatch.setenv(KEYS, f"{ADMIN}, {KEY}")
    assert read_keys(file, KEYS) == (ADMIN, KEY, OTHER)
    assert read_keys(None, KEYS) == (ADMIN, KEY)
    monkeypatch.delenv(KEYS)
    assert read_keys(None, KEYS) == ()
    file.write_text("# nothing\n")
    with pytest.raises(ConfigError, match="at least one key, received none"):
        read_keys(file, KEYS)
    file.write_text(f"short\n{KEY}\nwith a space in the middle\n")
    with pytest.raises(ConfigError, match="2 of 3 keys: expected at least 16 visible") as error:
        read_keys(file, KEYS)
    assert "short" not in str(error.value)
    with pytest.raises(ConfigError, match="expected a text file of keys"):
        read_keys(tmp_path / "absent", KEYS)


def test_settings_tell_all_faults_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        read_settings({"names": (), "models_root": tmp_path, "deadline": 0, "cache_bytes": -1, "colour": 1})
    assert len(error.value.faults) == 4
    with pytest.raises(ConfigError, match=r"expected at least max_documents \(1000\), received 5"):
        read_settings({"names": ("a",), "models_root": tmp_path, "queue_pairs": 5})


def test_a_model_that_fails_is_a_500_for_its_request_alone(started, served, monkeypatch, caplog):
    """The tokenizer's and the weights' faults are made from outside: this is about who hears of them."""
    from darl.serve.served import Served

    answer = Served.answer

    def fails_on_boots(self, pairs, texts, known=None):
        if any(SECRET in pair.item for pair in pairs):
            raise RuntimeError(SECRET)
        return answer(self, pairs, texts, known)

    monkeypatch.setattr(Served, "answer", fails_on_boots)
    with started(served) as client:
        told = client.post("/v2/rerank", json={"query": QUERY, "documents": ["a", SECRET]})
        request_id = refused(told, 500, "backend")["request_id"]
        (logged,) = [one for one in caplog.records if one.getMessage() == "failed"]
        assert (logged.request_id, logged.exc_info[0]) == (request_id, RuntimeError)
        assert client.post("/v2/rerank", json=BODY).status_code == 200
        assert client.get("/health").status_code == 200


def test_every_refusal_is_drawn_with_its_status():
    drawn = dict(re.findall(r"(\w+Error) +(\d{3}) ", errors.__doc__))
    made = {one.__name__: str(one.status) for one in errors.Refusal.__subclasses__()}
    assert drawn == made


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("query", "documents", "texts", "inputs", "text_1", "text_2", "top_n", "truncate", "darl", "model")
PATHS = st.sampled_from(["/v2/rerank", "/v1/rerank", "/rerank", "/predict", "/score", "/v1/score"])
OTHER_PATHS = st.sampled_from(
    ["/admin/reload", "/admin/rollback", "/drift", "/info", "/metrics", "/", "/docs"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON)
def test_no_body_is_a_500(client, path, body):
    reply = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert reply.status_code in (200, 404, 413, 422), (body, reply.text)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.binary(max_size=200))
def test_no_bytes_are_a_500(client, path, content):
    reply = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= reply.status_code < 500


@pytest.fixture(scope="module")
def admins(started, folder):
    from darl.serve.served import Served

    with started(Served.load(folder), admin_keys=(ADMIN,)) as client:
        yield client


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["POST", "GET", "PUT", "DELETE"]),
    OTHER_PATHS,
    st.binary(max_size=100)
    | st.fixed_dictionaries({"model": JSON}).map(lambda body: json.dumps(body).encode()),
    st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=20),
)
def test_nothing_sent_to_the_other_routes_is_a_500(admins, method, path, content, text):
    headers = {"X-API-Key": ADMIN, "Content-Type": "application/json"}
    headers |= {"Accept": text.encode("latin-1"), "X-Request-ID": text.encode("latin-1")}
    reply = admins.request(method, path, content=content, headers=headers)
    assert reply.status_code < 500, reply.text
    assert (reply.status_code < 400) == (method == "GET" and not path.startswith("/admin"))
