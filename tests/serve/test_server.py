"""A server in a process of its own: real clients, a stop and a change of model under load, its log."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest

from darl.serve import server
from darl.serve.served import Served
from darl.serve.server import listen
from darl.serve.settings import Settings
from tests.serve.made import DOCUMENTS, NAME, QUERY, pairs_of, save_served, told_offline
from tests.serve.process import PATIENCE, Running

ADMIN = "admin-key-0123456789"
ALIAS = "rerank-v3.5"
BODY = {"query": QUERY, "documents": DOCUMENTS}
# One for all tests and threads, since making one takes longer than many requests.
CLIENT = httpx2.Client(timeout=PATIENCE)


def test_an_answer_does_not_wait_for_an_acknowledgement():
    """Without TCP_NODELAY the body of an answer comes 40 ms after its head."""
    found = []

    async def connect():
        listener = listen("127.0.0.1", 0)
        connected = asyncio.Event()

        async def serve(_, writer):
            found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            connected.set()

        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            await connected.wait()
            writer.close()

    asyncio.run(connect())
    assert found[0]


def test_the_first_model_goes_when_two_others_have_taken_its_place(folder, monkeypatch):
    loaded, made, plain_load, plain_app = [], [], Served.load, server.create_app

    def load(*place, **options):
        one = plain_load(*place, **options)
        loaded.append(weakref.ref(one))
        return one

    def create_app(engine):
        made.append(engine)
        return plain_app(engine)

    def run(self, sockets):
        async def reload_twice():
            for _ in range(2):
                await made[0].reload(folder)
            assert [one() is None for one in loaded] == [True, False, False]
            await made[0].close()

        asyncio.run(reload_twice())

    monkeypatch.setattr(Served, "load", load)
    monkeypatch.setattr(server, "create_app", create_app)
    monkeypatch.setattr(server, "share_processors", lambda *_: 1)  # which is for the rest of a process
    monkeypatch.setattr(server.uvicorn.Server, "run", run)
    with listen("127.0.0.1", 0) as listener:
        server.serve(folder, Settings(names=(NAME,), models_root=folder.parent), listener)
    assert len(loaded) == 3


@pytest.fixture(scope="module")
def running(folder):
    with Running(folder, "--name", NAME, "--name", ALIAS, "--cache-mib", 1) as server:
        yield server


@pytest.fixture(scope="module")
def expected(folder):
    return told_offline(folder, pairs_of()).decisions.scores / 2


def test_it_listens_on_loopback_and_answers(running, expected):
    assert running.url.startswith("http://127.0.0.1:")
    reply = CLIENT.post(f"{running.url}/v2/rerank", json=BODY)
    found = {one["index"]: one["relevance_score"] for one in reply.json()["results"]}
    np.testing.assert_allclose([found[row] for row in range(len(DOCUMENTS))], expected, atol=1e-5)


def test_requests_that_come_at_once(running, folder):
    queries = [f"{QUERY} {number}" for number in range(40)]
    texts = DOCUMENTS[:5]
    offline = told_offline(folder, [pair for query in queries for pair in pairs_of(query, texts)])
    offline = offline.decisions.scores.reshape(40, 5)

    def ask(query):
        reply = CLIENT.post(f"{running.url}/score", json={"text_1": query, "text_2": texts})
        return [one["score"] for one in reply.json()["data"]]

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(ask, queries))
    np.testing.assert_allclose(found, offline / 2, atol=1e-5)
    metrics = CLIENT.get(f"{running.url}/metrics").text
    assert "te_batch_next_size_count" in metrics
    assert 'te_request_success_total{route="/score"} 40.0' in metrics
    assert "te_queue_size 0.0" in metrics


def test_the_cohere_client(running, expected):
    cohere = pytest.importorskip("cohere")
    client = cohere.ClientV2(api_key="any", base_url=running.url)
    reply = client.rerank(model=ALIAS, query=QUERY, documents=DOCUMENTS, top_n=3)
    best = np.argsort(-expected, kind="stable")[:3]
    assert [one.index for one in reply.results] == best.tolist()
    np.testing.assert_allclose([one.relevance_score for one in reply.results], expected[best], atol=1e-5)
    more = client.rerank(
        model=NAME,
        query=QUERY,
        documents=DOCUMENTS,
        request_options={"additional_body_parameters": {"darl": True}},
    )
    assert set(more.results[0].darl) >= {"grade", "grade_probs", "ood_percentile", "abstain"}
    with pytest.raises(cohere.errors.NotFoundError, match="no such model is served"):
        client.rerank(model="another", query=QUERY, documents=DOCUMENTS)
    with pytest.raises(cohere.errors.UnprocessableEntityError, match="query"):
        client.rerank(model=NAME, query="", documents=DOCUMENTS)


def test_who_goes_away_is_not_waited_for(running):
    body = {"query": QUERY, "documents": [f"{'parka ' * 20}{number}" for number in range(1000)]}
    with pytest.raises(httpx2.TimeoutException):
        CLIENT.post(f"{running.url}/v2/rerank", json=body, timeout=0.05)
    assert CLIENT.post(f"{running.url}/v2/rerank", json=BODY).status_code == 200
    metrics = CLIENT.get(f"{running.url}/metrics").text
    assert 'err="cancelled"' in metrics


def test_the_log_has_every_request_and_no_text(running):
    secret = "unmistakable text"
    headers = {"X-Request-ID": "look-for-me"}
    CLIENT.post(f"{running.url}/v2/rerank", json={"query": secret, "documents": [secret]}, headers=headers)
    found = []
    end = time.monotonic() + 30
    while not found and time.monotonic() < end:  # the answer may be here before its line is written
        found = [line for line in running.log("request") if line["request_id"] == "look-for-me"]
    (line,) = found
    assert (line["path"], line["status"], line["pairs"]) == ("/v2/rerank", 200, 1)
    assert line["tokens"] > 3
    assert line["milliseconds"] > 0
    assert secret not in running.errors()
    assert len(running.log("listening")) == 1


def test_no_key_is_in_the_log(folder):
    good, admin, bad = "a-good-key-0123456789", "an-admin-key-0123456789", "a-bad-key-0123456789"
    keys = {"DARL_SERVE_KEYS": good, "DARL_SERVE_ADMIN_KEYS": admin}
    with Running(folder, "--log-text", **keys) as server:
        body = {"query": QUERY, "documents": DOCUMENTS}
        for key, status in ((good, 200), (bad, 401)):
            headers = {"Authorization": f"Bearer {key}"}
            assert CLIENT.post(f"{server.url}/v2/rerank", json=body, headers=headers).status_code == status
        headers = {"Authorization": f"Bearer {admin}"}
        reply = CLIENT.post(f"{server.url}/admin/reload", json={"model": str(folder)}, headers=headers)
        assert reply.status_code == 200
        server.stop()
        log = server.errors()
    assert "listening" in log
    assert not [key for key in (good, admin, bad) if key in log]


class Load:
    """Clients that ask again and again, each on a connection of its own, until they are stopped."""

    def __init__(self, url, clients=4):
        self.url, self.answers, self.lost = url, [], []
        self._stop, self._threads = threading.Event(), []
        self._some = threading.Event()
        for _ in range(clients):
            self._threads.append(threading.Thread(target=self._ask))
            self._threads[-1].start()

    def _ask(self):
        while not self._stop.is_set():
            try:
                self.answers.append(CLIENT.post(f"{self.url}/v2/rerank", json=BODY))
            except httpx2.TransportError as error:
                self.lost.append(error)
                self._some.set()
                return
            if len(self.answers) > 8:
                self._some.set()

    def wait(self):
        """Until there are answers."""
        assert self._some.wait(PATIENCE)
        assert not self.lost

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_a_stop_under_load_loses_nothing_that_was_accepted(folder):
    with Running(folder, DARL_SERVE_KEYS="") as server:
        load = Load(server.url)
        load.wait()
        assert server.stop() in (0, -15)
        load.stop()
        logged = server.log("request")
        assert {reply.status_code for reply in load.answers} == {200}
        assert all(reply.json()["results"] for reply in load.answers)
        assert {line["status"] for line in logged} == {200}
        assert len(logged) == len(load.answers)


def test_another_model_under_load(folder, tiny_llm, expected):
    other = save_served(folder.parent / "other", tiny_llm, seed=9)
    known = [expected, told_offline(other, pairs_of()).decisions.scores / 2]
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with Running(folder, DARL_SERVE_ADMIN_KEYS=ADMIN) as server:
        load = Load(server.url)
        load.wait()
        reply = CLIENT.post(f"{server.url}/admin/reload", json={"model": "other"}, headers=headers)
        assert reply.status_code == 200, reply.text
        after = CLIENT.post(f"{server.url}/v2/rerank", json=BODY).json()["results"]
        back = CLIENT.post(f"{server.url}/admin/rollback", headers=headers)
        assert back.status_code == 200
        last = CLIENT.post(f"{server.url}/v2/rerank", json=BODY).json()["results"]
        load.stop()
    assert not load.lost
    assert {reply.status_code for reply in load.answers} == {200}
    found = [_scores(reply.json()["results"]) for reply in load.answers]
    which = [[np.allclose(scores, one, atol=1e-5) for one in known] for scores in found]
    assert all(sum(matches) == 1 for matches in which)
    assert [np.allclose(_scores(after), one, atol=1e-5) for one in known] == [False, True]
    assert [np.allclose(_scores(last), one, atol=1e-5) for one in known] == [True, False]


def _scores(results):
    return [one["relevance_score"] for one in sorted(results, key=lambda one: one["index"])]
