"""Cohere, LangChain and LlamaIndex against the running server; what they send is kept and asked again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.serve.clients import CLIENTS, KEY, TEXTS, TOP, recorded
from tests.serve.made import NAME, pairs_of, told_offline
from tests.serve.process import Running

RECORDED = Path(__file__).parent / "recorded"
SENT = ("authorization", "content-type", "accept")


@pytest.fixture(scope="module")
def expected(folder):
    """The texts that should come first, and their scores."""
    scores = told_offline(folder, pairs_of(documents=TEXTS)).decisions.scores / 2
    order = np.argsort(-scores, kind="stable")[:TOP]
    return [TEXTS[row] for row in order], scores[order]


@pytest.fixture(scope="module")
def running(folder):
    with Running(folder, "--name", NAME, DARL_SERVE_KEYS=KEY) as server:
        yield server


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_gets_the_ranking_and_sends_what_is_recorded(running, expected, name):
    ask, packages = CLIENTS[name]
    for package in packages:
        pytest.importorskip(package)
    with recorded(running.url) as (url, seen):
        found = ask(url)
    assert [text for text, _ in found] == expected[0]
    np.testing.assert_allclose([score for _, score in found], expected[1], atol=1e-5)
    (sent,) = seen
    kept = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert (sent["path"], sent["body"]) == (kept["path"], kept["body"])
    assert {key: sent["headers"].get(key) for key in SENT} == {key: kept["headers"].get(key) for key in SENT}


def test_a_request_of_every_client_is_kept():
    assert {path.stem for path in RECORDED.glob("*.json")} == set(CLIENTS)


@pytest.mark.parametrize("name", CLIENTS)
def test_what_clients_sent_is_answered_as_they_read_it(started, served, expected, name):
    kept = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    with started(served, keys=(KEY,)) as client:
        reply = client.post(kept["path"], content=json.dumps(kept["body"]), headers=kept["headers"])
        assert reply.status_code == 200, reply.text
        told = reply.json()
        keyless = {key: value for key, value in kept["headers"].items() if key != "authorization"}
        assert client.post(kept["path"], json=kept["body"], headers=keyless).status_code == 401
    ranked = told["results"] if isinstance(told, dict) else told
    score = "relevance_score" if isinstance(told, dict) else "score"
    assert [TEXTS[one["index"]] for one in ranked[:TOP]] == expected[0]
    np.testing.assert_allclose([one[score] for one in ranked[:TOP]], expected[1], atol=1e-5)
