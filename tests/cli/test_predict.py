"""`darl predict` into a folder, as a user types it."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

from darl.data.writers import write_pairs
from tests.cli.test_cli import darl
from tests.pipeline.made import PAIRS, content, parts, saved_model


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_llm):
    return saved_model(tmp_path_factory.mktemp("model") / "model", tiny_llm)


@pytest.fixture
def pool(tmp_path):
    write_pairs(tmp_path / "in" / "pool.csv", PAIRS)
    return tmp_path / "in" / "pool.csv"


@pytest.mark.parametrize("out", ["graded/", "graded", "gra.ded/", "there.v1"])
def test_what_counts_as_a_folder(model, pool, tmp_path, out):
    (tmp_path / "there.v1").mkdir()
    result = darl("predict", model, pool, "--out", f"{tmp_path}/{out}", "--shard-size", 10)
    assert [pq.read_metadata(path).num_rows for path in parts(tmp_path / out)] == [10, 10, 5]
    assert re.search(r"25 pairs; 25 of them scored now in \d+ s \([\d.,]+ pairs/s\)", result.stdout)


def test_resume_and_features(model, pool, tmp_path):
    arguments = ["predict", model, pool.parent, "--out", f"{tmp_path}/out/", "--shard-size", 10, "--features"]
    darl(*arguments)
    before = content(tmp_path / "out")
    assert "--resume" in darl(*arguments, code=1).stderr
    parts(tmp_path / "out")[0].unlink()
    result = darl(*arguments, "--resume")
    assert "2 of 3 shards are there" in result.stderr
    assert "25 pairs; 10 of them scored now" in result.stdout
    assert content(tmp_path / "out") == before
    assert "25 pairs; 0 of them scored now\n" in darl(*arguments, "--resume").stdout
    assert "--shard-size 10, now 9" in darl(*arguments, "--shard-size", 9, "--resume", code=1).stderr


def test_bad_rows(model, pool, tmp_path):
    pool.write_text(pool.read_text() + "one cell\n")
    arguments = ["predict", model, pool, "--out", tmp_path / "out"]
    assert "pool.csv:27: expected 6 cells" in darl(*arguments, code=1).stderr
    assert not (tmp_path / "out").exists()
    result = darl(*arguments, "--skip-bad-rows", tmp_path / "bad.jsonl")
    assert "1 bad rows set aside" in result.stderr
    assert json.loads((tmp_path / "bad.jsonl").read_text())["row"] == "one cell"


def test_a_pipe_into_a_folder_is_refused(model, tmp_path):
    error = darl("predict", model, "-", "--out", f"{tmp_path}/out/", input="{}", code=1).stderr
    assert "cannot be read twice" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [["--resume"], ["--features"], ["--shard-size", 5]])
def test_options_of_a_folder_need_one(model, pool, tmp_path, options):
    for out in (tmp_path / "x.csv", "-"):
        assert "--out FOLDER/" in darl("predict", model, pool, "--out", out, *options, code=2).stderr


def test_a_folder_of_pairs_needs_a_folder(model, pool, tmp_path):
    error = darl("predict", model, pool.parent, "--out", tmp_path / "x.csv", code=2).stderr
    assert "--out FOLDER/" in error
