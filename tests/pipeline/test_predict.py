"""A folder of shards: the one-file prediction in pieces, and a kill changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from darl.data.stream import PairStream
from darl.data.writers import write_pairs
from darl.errors import CheckpointError, ConfigError, DataError
from darl.models.checkpoint import load_model
from darl.pipeline import predict
from darl.pipeline.predict import predict_to_folder
from darl.pipeline.rows import prediction_rows
from darl.pipeline.told import Told
from darl.predictions import Decisions
from tests.pipeline.made import PAIRS, Heard, Uniform, content, living_pairs, parts, saved_model
from tests.tiny import toy_pairs


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_llm):
    return saved_model(tmp_path_factory.mktemp("model") / "model", tiny_llm)


@pytest.fixture
def pool(tmp_path):
    write_pairs(tmp_path / "pool.jsonl", PAIRS)
    return tmp_path / "pool.jsonl"


@pytest.fixture
def no_model(monkeypatch):
    """Whoever loads a model now has failed."""
    monkeypatch.setattr(predict, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))


@pytest.mark.parametrize("size", [1, 10, 25, 50_000])
def test_shards_are_the_prediction_in_pieces(model, pool, tmp_path, size):
    done = predict_to_folder(model, pool, tmp_path / "out", shard_size=size)
    assert (done.pairs, done.scored, done.folder) == (25, 25, tmp_path / "out")
    assert [path.name for path in parts(done.folder)] == [
        f"part-{i:05d}.parquet" for i in range(-(-25 // size))
    ]
    rows = [row for path in parts(done.folder) for row in pq.read_table(path).to_pylist()]
    loaded = load_model(model)
    whole = list(prediction_rows(PAIRS, Told(Decisions.of(loaded.predict(PAIRS))), loaded.grade_scale))
    assert [list(row) for row in rows] == [list(row) for row in whole]
    for row, one in zip(rows, whole, strict=True):
        assert {key: value for key, value in row.items() if isinstance(value, str)} == {
            key: value for key, value in one.items() if isinstance(value, str)
        }
        numbers = [key for key in one if not isinstance(one[key], str)]
        assert len(numbers) == 4
        assert [row[key] for key in numbers] == pytest.approx([one[key] for key in numbers], abs=1e-5)


def test_every_shard_has_the_same_types_even_where_a_column_is_empty(model, tmp_path):
    bare = [pair._replace(fields=(), domain="") for pair in PAIRS[:10]]
    write_pairs(tmp_path / "pool.parquet", [*bare, *PAIRS[10:]])
    out = predict_to_folder(model, tmp_path / "pool.parquet", tmp_path / "out", shard_size=10).folder
    first, *rest = (pq.read_table(path) for path in parts(out))
    assert all(other.schema == first.schema for other in rest)
    assert first.schema.field("score").type == first.schema.field("prob_weak").type == pa.float32()
    assert set(first["brand"].to_pylist()) == set(first["domain"].to_pylist()) == {""}
    assert pa.concat_tables([first, *rest]).num_rows == 25


def test_features_are_kept_as_float16(model, pool, tmp_path):
    predict_to_folder(model, pool, tmp_path / "out", shard_size=20, features=True)
    tables = [pq.read_table(path) for path in parts(tmp_path / "out")]
    features = pa.concat_tables(tables)["features"]
    expected = load_model(model).predict(PAIRS).features
    assert features.type == pa.list_(pa.float16(), expected.shape[1])
    np.testing.assert_allclose(np.array(features.to_pylist(), np.float32), expected, rtol=2e-3, atol=2e-3)


def test_a_folder_of_files_in_two_formats(model, tmp_path):
    write_pairs(tmp_path / "in" / "a.parquet", PAIRS[:7])
    write_pairs(tmp_path / "in" / "b.jsonl.gz", PAIRS[7:])
    out = predict_to_folder(model, tmp_path / "in", tmp_path / "out", shard_size=10).folder
    ids = [one for path in parts(out) for one in pq.read_table(path)["item_id"].to_pylist()]
    assert ids == [pair.item_id for pair in PAIRS]
    plan = json.loads((out / "_plan.json").read_text())
    assert [one["name"] for one in plan["origin"]["files"]] == ["a.parquet", "b.jsonl.gz"]


def test_faults_are_told_before_the_model_is_loaded(model, pool, tmp_path, no_model):
    pool.write_text(pool.read_text() + "{oops\n")
    with pytest.raises(DataError, match=r"pool\.jsonl:26: "):
        predict_to_folder(model, pool, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_rows_are_set_aside_and_stay_aside(model, pool, tmp_path):
    pool.write_text("{oops\n" + pool.read_text())
    aside, out = tmp_path / "bad.jsonl", tmp_path / "out"
    assert predict_to_folder(model, pool, out, shard_size=10, bad_rows=aside).pairs == 25
    assert len(aside.read_text().splitlines()) == 1
    before = content(out)
    parts(out)[1].unlink()
    told = Heard()
    assert predict_to_folder(model, pool, out, shard_size=10, resume=True, progress=told).scored == 10
    assert any("1 bad rows were set aside" in text for text in told.messages)
    assert content(out) == before


def test_what_is_there_is_not_scored_again(model, pool, tmp_path, no_model, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as loads:
        loads.setattr(predict, "load_model", load_model)
        predict_to_folder(model, pool, out, shard_size=10)
    before = content(out)
    done = predict_to_folder(model, pool, out, shard_size=10, resume=True)
    assert (done.pairs, done.scored) == (25, 0)
    assert content(out) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shard_size": 7}, "--shard-size 10, now 7"),
        ({"features": True}, "no features, now with --features"),
        ({"pairs": "other"}, "another content of pool.jsonl"),
        ({"pairs": "folder"}, "no file more.jsonl"),
        ({"model": "other"}, "another model"),
    ],
)
def test_a_plan_that_differs_is_refused(model, pool, tmp_path, no_model, monkeypatch, tiny_llm, change, told):
    with monkeypatch.context() as loads:
        loads.setattr(predict, "load_model", load_model)
        predict_to_folder(model, pool, tmp_path / "out", shard_size=10)
    before = content(tmp_path / "out")
    given = {"model": model, "pairs": pool, "shard_size": 10} | change
    if given["pairs"] == "other":
        write_pairs(tmp_path / "other" / "pool.jsonl", PAIRS[:-1])
        given["pairs"] = tmp_path / "other" / "pool.jsonl"
    if given["pairs"] == "folder":
        for name in ("pool", "more"):
            write_pairs(tmp_path / "folder" / f"{name}.jsonl", PAIRS)
        given["pairs"] = tmp_path / "folder"
    if given["model"] == "other":
        given["model"] = shutil.copytree(model, tmp_path / "model")
        card = given["model"] / "darl.json"
        card.write_text(card.read_text().replace('"irrelevant"', '"no"'))
    with pytest.raises(CheckpointError, match=told):
        predict_to_folder(**given, out=tmp_path / "out", resume=True)
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize(
    "damage", ["{", "{}", "[]", '{"origin": {"format": 1}}', '{"origin": {"format": 9}}']
)
def test_a_damaged_plan_is_refused(model, pool, tmp_path, no_model, damage):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_plan.json").write_text(damage)
    with pytest.raises(CheckpointError, match=r"plan\.json"):
        predict_to_folder(model, pool, tmp_path / "out", resume=True)


def test_a_folder_that_holds_something_is_refused(model, pool, tmp_path, no_model):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_plan.json").write_text("{}")
    with pytest.raises(ConfigError, match="--resume"):
        predict_to_folder(model, pool, tmp_path / "out")
    for out in (tmp_path, pool):  # a folder with other files, a file
        with pytest.raises(ConfigError):
            predict_to_folder(model, pool, out, resume=True)
    with pytest.raises(ConfigError, match="outside"):
        predict_to_folder(model, tmp_path, tmp_path / "new")


def test_two_at_once_are_refused(model, pool, tmp_path, no_model):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(ConfigError, match="another process"):
        predict_to_folder(model, pool, tmp_path / "out")


def test_a_field_of_the_prompt_that_is_called_features(pool, tmp_path, model, no_model):
    other = shutil.copytree(model, tmp_path / "model")
    card = (other / "darl.json").read_text().replace("{brand}", "{features}")
    (other / "darl.json").write_text(card)
    with pytest.raises(ConfigError, match="item field of that name"):
        predict_to_folder(other, pool, tmp_path / "out", features=True)


@pytest.mark.parametrize("telling", [0.0, 0.5, 1.0, 2.0])
def test_progress_is_of_the_whole_job(model, pool, tmp_path, monkeypatch, telling):
    heard = Heard()
    monkeypatch.setattr(predict, "load_model", lambda *_, **__: Uniform(telling))
    predict_to_folder(model, pool, tmp_path / "out", shard_size=4, features=True, progress=heard)
    assert heard.tasks[-1] == (25, "pairs")
    assert heard.done == 25
    halves = pq.read_table(parts(tmp_path / "out")[0])["features"].to_pylist()
    assert np.isfinite(np.array(halves, np.float32)).all()


def test_one_shard_is_in_memory_when_the_next_is_read(model, pool, tmp_path, monkeypatch):
    others, alive = living_pairs(), []

    class Watched(PairStream):
        def __iter__(self):
            for shard in super().__iter__():
                alive.append(living_pairs() - others)
                yield shard
                del shard

    monkeypatch.setattr(predict, "PairStream", Watched)
    monkeypatch.setattr(predict, "load_model", lambda *_, **__: Uniform(1.0))
    predict_to_folder(model, pool, tmp_path / "out", shard_size=5)
    assert len(alive) == 5
    assert max(alive) <= 6  # and the pair just read


def test_a_file_that_changes_between_the_passes(model, pool, tmp_path, monkeypatch):
    for text in ("", pool.read_text() * 2):
        monkeypatch.setattr(predict, "load_model", lambda *_, text=text, **__: pool.write_text(text))
        with pytest.raises(DataError, match="has changed"):
            predict_to_folder(model, pool, tmp_path / f"out{len(text)}", shard_size=30)
        write_pairs(pool, PAIRS)


def test_killed_and_resumed_is_as_if_nothing_had_happened(model, tmp_path):
    pool, cut, whole = tmp_path / "pool.parquet", tmp_path / "cut", tmp_path / "whole"
    write_pairs(pool, [one.pair for one in toy_pairs(800, queries=50)])
    command = [sys.executable, "-m", "darl", "predict", model, pool, "--out", f"{cut}/", "--shard-size", "8"]
    victim = subprocess.Popen(
        list(map(str, command)), env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(parts(cut)) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    (cut / ".1.part-00099.parquet").write_bytes(b"half")
    there = {path: path.stat().st_mtime_ns for path in parts(cut)}
    assert 3 <= len(there) < 100
    done = predict_to_folder(model, pool, cut, shard_size=8, resume=True)
    assert done.scored == 800 - 8 * len(there)
    assert {path: path.stat().st_mtime_ns for path in there} == there
    predict_to_folder(model, pool, whole, shard_size=8)
    assert content(cut) == content(whole)
