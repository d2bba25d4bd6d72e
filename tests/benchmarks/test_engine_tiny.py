"""The engine benchmark on tiny models and made-up texts: contenders agree, a page is written."""

import gzip
import json
import sys

import numpy as np
import pytest
import torch
from transformers.utils import logging

from benchmarks.engine.causal import CausalReranker
from benchmarks.engine.child import resident
from benchmarks.engine.cold import run_quietly
from benchmarks.engine.contenders import DarlContender
from benchmarks.engine.cross_encoder import CrossEncoderContender
from benchmarks.engine.machine import peak
from benchmarks.engine.setup import Setup
from benchmarks.engine.shapes import make_shape
from benchmarks.engine.texts import JUDGED, TITLES, judged_pool, load_corpus, many_queries, of_length, split
from benchmarks.engine.tokens import decoder_parameters, work_of
from darl.errors import DataError
from tests.tiny import toy_pairs

GRADES = ("irrelevant", "weak", "strong")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = [(*one.pair[:4], GRADES[one.grade]) for one in toy_pairs(60, queries=6)]
    keys = ("query_id", "query", "item_id", "item", "grade")
    write(folder / JUDGED, [dict(zip(keys, row, strict=True)) for row in rows])
    write(folder / TITLES, [{"item": row[3]} for row in rows])
    return folder


def write(path, rows):
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def corpus(data):
    return load_corpus(data)


@pytest.fixture
def setup(tiny_llm, data, tmp_path):
    return Setup(str(tiny_llm), "tiny", tiny_llm, tmp_path, data, quick=True)


@pytest.fixture
def rivals():
    """What the benchmark's rivals need; its own quiet does not outlive a test."""
    pytest.importorskip("sentence_transformers")
    yield
    logging.enable_progress_bar()


def test_missing_texts_are_named(tmp_path):
    with pytest.raises(DataError, match="--data FOLDER"):
        load_corpus(tmp_path)


def test_sets_are_what_they_say(corpus):
    pairs = many_queries(corpus, 3, 4)
    assert len(pairs) == 12
    assert len({pair.query for pair in pairs}) == 3
    assert len({pair.item for pair in pairs}) == 12
    assert pairs == many_queries(corpus, 3, 4)
    judged = {one.pair for one in corpus.graded}
    pool = judged_pool(corpus, 2, 5)
    assert len(set(pool)) == 10
    assert set(pool) <= judged


def test_training_and_validation_share_no_query(corpus):
    train, valid = split(corpus, 20, 10)
    assert (len(train), len(valid)) == (20, 10)
    assert not {one.pair.query for one in train} & {one.pair.query for one in valid}
    with pytest.raises(DataError, match="expected at least 1000 train"):
        split(corpus, 1000, 1)


def test_all_read_the_same_tokens_and_say_the_same(setup, corpus, rivals):
    pairs = judged_pool(corpus, 3, 5)
    ours, rival = DarlContender(setup), CrossEncoderContender(setup, "rival", batch_size=4)
    ours.prepare()
    rival.prepare()
    assert rival.token_ids(pairs) == [text["input_ids"] for text in ours.model.prompt.encode(pairs)]
    np.testing.assert_allclose(rival.score(pairs), ours.score(pairs), atol=1e-4)
    np.testing.assert_allclose(rival.with_batch(16).score(pairs), ours.score(pairs), atol=1e-4)


def test_the_causal_reranker_scores_a_pair_alike_in_any_batch(setup, corpus):
    pairs = judged_pool(corpus, 3, 5)
    model = CausalReranker(setup, "causal", batch_size=1)
    model.prepare()
    alone = model.score(pairs)
    assert ((alone > 0) & (alone < 1)).all()
    assert len(set(alone.round(6))) > 1
    for last_only in (False, True):
        np.testing.assert_allclose(model.with_options(8, last_only).score(pairs), alone, atol=1e-5)


def test_work(setup, corpus):
    model = setup.model()
    pairs = many_queries(corpus, 1, 5)
    work = work_of(model, pairs)
    lone = [work_of(model, [pair]) for pair in pairs]
    assert work.tokens == sum(one.tokens for one in lone)
    assert work.distinct < work.tokens
    assert all(one.distinct == one.tokens for one in lone)
    linear = 2 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 48)  # two layers: q, o; k, v; gate, up, down
    norms = 5 * 32
    assert decoder_parameters(model) == linear + norms
    assert work.flop == 2 * (linear + norms) * work.distinct


def test_items_of_a_length(setup, corpus):
    model = setup.model()
    for pair in of_length(model, corpus, 20, 3):
        assert abs(len(model.tokenizer(" " + pair.item)["input_ids"]) - 20) <= 1


def test_the_memory_is_that_of_the_process_and_not_of_who_started_it():
    held = np.ones(100 * 2**20, np.uint8)
    command = "from benchmarks.engine.child import resident; print(resident('VmHWM'))"
    child = int(run_quietly([sys.executable, "-c", command]))
    assert resident("VmHWM") >= resident("VmRSS") > held.nbytes
    assert 0 < child < held.nbytes


def test_the_rate_of_the_machine_is_measured():
    found = peak(16, 24, "cpu", rows=(8,), seconds=0.001)
    assert {"float32", "bfloat16"} <= set(found)
    for one in found.values():
        assert len(one["shapes"]) == 3
        assert 0 < one["median"] <= one["best"]


@pytest.mark.parametrize("shape", ["tiny", "qwen3-tiny"])
def test_random_weights_in_half_precision_as_on_a_gpu(shape, tiny_llm, data, corpus, tmp_path, rivals):
    from benchmarks.engine.trainer import train_with_trainer
    from benchmarks.engine.training import Data, settings, train_with_darl

    folder = make_shape(shape, tmp_path / shape, tiny_llm, torch.bfloat16)
    setup = Setup(str(folder), shape, folder, tmp_path, data, dtype="bfloat16", quick=True)
    ours, rival = DarlContender(setup), CrossEncoderContender(setup, "rival")
    ours.prepare()
    rival.prepare()
    pairs = judged_pool(corpus, 2, 4)
    np.testing.assert_allclose(rival.score(pairs), ours.score(pairs), atol=0.05)
    train, valid = split(corpus, 12, 8)
    mine = train_with_darl(setup, Data(train, valid), settings(quick=True), 0)
    seconds, loss, trained = train_with_trainer(setup, train, valid, settings(quick=True), 0, grouped=True)
    assert seconds > 0
    assert loss == pytest.approx(mine.valid_loss, abs=0.2)
    assert trained == mine.trained - len(GRADES)  # darl's head has a bias


def test_a_run_writes_its_results_and_resumes(data, tiny_llm, tmp_path, capsys, rivals):
    from benchmarks.engine.__main__ import main

    out = tmp_path / "out"
    arguments = ["--quick", "--data", str(data), "--model", str(tiny_llm), "--out", str(out)]
    main([*arguments, "--only", "rerank"])
    content = json.loads((out / "engine.json").read_text(encoding="utf-8"))
    assert list(content["sections"]) == ["search", "rerank"]
    result = content["sections"]["rerank"]["result"]
    assert result["same_texts"]["identical"] == result["same_texts"]["compared"] > 0
    for one in result["sets"].values():
        assert all(len(times) == one["rounds"] for times in one["seconds"].values())
        assert one["agreement"]["darl"]["largest"] < 1e-3
    capsys.readouterr()
    main([*arguments, "--only", "rerank,length", "--resume"])
    assert "rerank: done already" in capsys.readouterr().out
    page = (out / "engine.md").read_text(encoding="utf-8")
    assert "these numbers mean nothing" in page
    assert "## Length of an item" in page
    assert (out / "engine-length.svg").read_text(encoding="utf-8").count("<svg") == 1
