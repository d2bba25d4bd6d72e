"""What waits, what goes together, who is dropped; and that scores do not depend on any of it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager

import numpy as np
import pytest

from darl.serve.answers import SCORE
from darl.serve.batcher import Batcher
from darl.serve.engine import encoded
from darl.serve.errors import ClosingError, OverloadedError, ScoringError
from darl.serve.metrics import Metrics
from tests.serve.made import DOCUMENTS, QUERY, pairs_of, told_offline
from tests.tiny import toy_pairs

POOL = [one.pair._replace(query_id="", item_id="", domain="") for one in toy_pairs(60, queries=6)]
PATIENCE = 60


class Held:
    """A served model whose calls are seen, and wait until they are let go."""

    def __init__(self, served):
        self._served, self.calls = served, []
        self.reached, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._served, name)

    def answer(self, pairs, texts, known=None):
        self.calls.append(list(pairs))
        self.reached.set()
        assert self.go.wait(PATIENCE)
        return self._served.answer(pairs, texts, known)


@contextmanager
def batching(most_pairs=1000, tokens=None, metrics=None, workers=1):
    batcher = Batcher(most_pairs, tokens, metrics or Metrics(), workers)
    try:
        yield batcher
    finally:
        batcher.close()


def submit(batcher, served, pairs):
    batcher.admit(len(pairs))
    return batcher.submit(encoded(served, pairs))


@contextmanager
def held(served, most_pairs=1000, tokens=None):
    """A batcher that is at work on one pair, so that what follows gathers."""
    model = Held(served)
    with batching(most_pairs, tokens) as batcher:
        try:
            first = submit(batcher, model, POOL[:1])
            assert model.reached.wait(PATIENCE)
            yield batcher, model, first
        finally:
            model.go.set()


@pytest.fixture(scope="module")
def offline(folder):
    return told_offline(folder, POOL).decisions.scores


@pytest.mark.parametrize("tokens", [1, 60, 500, None])
def test_scores_do_not_depend_on_what_else_is_in_the_batch(served, offline, tokens):
    rng = np.random.default_rng(0)
    with held(served, tokens=tokens) as (batcher, model, _):
        parts = [rng.choice(len(POOL), int(rng.integers(1, 14)), replace=False) for _ in range(12)]
        futures = [submit(batcher, model, [POOL[row] for row in part]) for part in parts]
        model.go.set()
        for part, future in zip(parts, futures, strict=True):
            np.testing.assert_allclose(future.result(PATIENCE)[:, SCORE], offline[part], atol=1e-5)
        assert batcher.waiting == 0
    asked_for = sum(len(call) for call in model.calls) - 1
    assert asked_for <= sum(map(len, parts))
    assert (len(model.calls) == asked_for + 1) == (tokens == 1)


def test_what_waits_goes_together_and_is_scored_once(served):
    with held(served) as (batcher, model, first):
        futures = [submit(batcher, model, POOL[:5]), submit(batcher, model, POOL[3:8])]
        model.go.set()
        assert len(first.result(PATIENCE)) == 1
        assert [len(future.result(PATIENCE)) for future in futures] == [5, 5]
    assert sorted(map(tuple, model.calls[1])) == sorted(map(tuple, POOL[:8]))
    assert len(model.calls) == 2


def test_a_call_holds_no_more_tokens_than_it_may(served):
    pairs = [pair._replace(query=f"query {number}") for number, pair in enumerate(POOL)]
    lengths = dict(zip(pairs, served.lengths(pairs), strict=True))
    with held(served, tokens=150) as (batcher, model, _):
        futures = [submit(batcher, model, pairs[start : start + 20]) for start in (0, 20, 40)]
        model.go.set()
        for future in futures:
            future.result(PATIENCE)
    calls = model.calls[1:]
    assert sum(map(len, calls)) == len(pairs)
    assert max(sum(lengths[pair] for pair in call) for call in calls) <= 150 * 1.5
    assert len(calls) >= sum(lengths.values()) / 150 / 1.5


def test_who_is_cancelled_is_not_scored(served):
    with held(served) as (batcher, model, _):
        kept, dropped = submit(batcher, model, POOL[:3]), submit(batcher, model, POOL[10:13])
        assert dropped.cancel()
        model.go.set()
        assert len(kept.result(PATIENCE)) == 3
        with pytest.raises(CancelledError):
            dropped.result(PATIENCE)
        assert batcher.waiting == 0
    assert not set(model.calls[1]) & set(POOL[10:13])


def test_a_full_queue_refuses_and_says_when_to_come_again(served):
    with held(served, most_pairs=6) as (batcher, model, _):
        waiting = submit(batcher, model, POOL[:4])
        with pytest.raises(OverloadedError) as error:
            batcher.admit(3)
        assert (error.value.status, error.value.headers["Retry-After"]) == (429, "1")
        assert submit(batcher, model, POOL[4:6]) is not None
        waiting.cancel()
        batcher.admit(4)  # those who went away have made room
        batcher.release(4)
    with batching(most_pairs=6) as batcher:
        assert len(submit(batcher, served, POOL[:20]).result(PATIENCE)) == 20  # alone it gets in


def test_what_was_accepted_is_finished_when_it_closes(served):
    with held(served) as (batcher, model, _):
        futures = [submit(batcher, model, POOL[start : start + 4]) for start in range(0, 40, 4)]
        closing = threading.Thread(target=batcher.close)
        closing.start()
        while True:
            try:
                batcher.admit(1)
                batcher.release(1)
                time.sleep(0.005)
            except ClosingError:
                break
        model.go.set()
        closing.join(PATIENCE)
        assert all(future.done() for future in futures)
        assert [len(future.result()) for future in futures] == [4] * 10
        assert not batcher.alive


def test_one_that_fails_does_not_take_the_others_along(served):
    class Fails(Held):
        def answer(self, pairs, texts, known=None):
            table = super().answer(pairs, texts, known)
            if POOL[9] in pairs:
                raise RuntimeError("no")
            return table

    model = Fails(served)
    with batching() as batcher:
        first = submit(batcher, model, POOL[:1])
        assert model.reached.wait(PATIENCE)
        good, bad, last = (submit(batcher, model, part) for part in (POOL[:3], POOL[8:11], POOL[11:12]))
        model.go.set()
        assert [len(future.result(PATIENCE)) for future in (first, good, last)] == [1, 3, 1]
        with pytest.raises(ScoringError) as error:
            bad.result(PATIENCE)
        assert isinstance(error.value.__cause__, RuntimeError)
        assert len(submit(batcher, model, POOL[:2]).result(PATIENCE)) == 2
        assert batcher.waiting == 0


def test_each_is_answered_by_the_model_it_came_to(served, tiny_llm, tmp_path):
    from darl.serve.served import Served
    from tests.serve.made import save_served

    other_folder = save_served(tmp_path / "other", tiny_llm, seed=9)
    other = Served.load(other_folder)
    pairs = pairs_of(QUERY, DOCUMENTS)
    with held(served) as (batcher, model, _):
        futures = [submit(batcher, one, pairs) for one in (model, other, model, other)]
        model.go.set()
        scores = [future.result(PATIENCE)[:, SCORE] for future in futures]
    expected = [told_offline(one.folder, pairs).decisions.scores for one in (served, other)]
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    for place, found in enumerate(scores):
        np.testing.assert_allclose(found, expected[place % 2], atol=1e-5)


@pytest.mark.parametrize("tokens", [1, 60, None])
def test_several_calls_at_a_time_give_the_same_scores(served, offline, tokens):
    rng = np.random.default_rng(1)
    with batching(tokens=tokens, workers=3) as batcher:
        parts = [rng.choice(len(POOL), int(rng.integers(1, 30)), replace=False) for _ in range(20)]
        futures = [submit(batcher, served, [POOL[row] for row in part]) for part in parts]
        for part, future in zip(parts, futures, strict=True):
            np.testing.assert_allclose(future.result(PATIENCE)[:, SCORE], offline[part], atol=1e-5)
        assert batcher.waiting == 0
        assert batcher.alive
    assert not batcher.alive


def test_who_is_free_takes_a_share(served):
    model = Held(served)
    with batching(workers=2) as batcher:
        try:
            first = [submit(batcher, model, POOL[row : row + 1]) for row in (0, 1)]
            while len(model.calls) < 2:
                time.sleep(0.005)
            parts = [POOL[start : start + 5] for start in range(10, 50, 5)]
            futures = [submit(batcher, model, part) for part in parts]
        finally:
            model.go.set()
        for future in (*first, *futures):
            future.result(PATIENCE)
    assert 10 < max(map(len, model.calls[2:])) < 30  # of 40: whoever came first took about half
