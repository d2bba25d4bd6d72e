"""`darl select` from a folder that `darl predict --features` made, as a user types it."""

from __future__ import annotations

import pytest

from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from tests.cli.test_cli import darl, rows_of
from tests.tiny import toy_pairs

N = 40


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tiny_llm):
    """A model with a reference, a pool as a file, and as folders with and without features."""
    folder = tmp_path_factory.mktemp("shop")
    write_graded_pairs(folder / "train.jsonl", toy_pairs(40, queries=8), GradeScale())
    write_graded_pairs(folder / "pool.parquet", toy_pairs(N, queries=10, prefix="p"), GradeScale())
    darl(
        "train", "--train", folder / "train.jsonl", "--backbone", tiny_llm, "--out", folder / "first",
        "--set", "epochs=1", "--set", "model.prompt='{query} / {item} by {brand}:'",
    )  # fmt: skip
    model = folder / "first" / "model"
    for name, options in (("graded", ["--features"]), ("bare", [])):
        darl("predict", model, folder / "pool.parquet", "--out", folder / name, "--shard-size", 15, *options)
    return folder


def select(shop, pool, out, *options, code=0):
    model = shop / "first" / "model"
    return darl("select", model, pool, "--n", 6, "--detector", "knn:k=2", "--out", out, *options, code=code)


@pytest.fixture
def no_model(monkeypatch):
    """Whoever loads a model now has failed."""
    from darl.models import checkpoint

    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))


def test_the_folder_gives_what_the_file_gives_and_the_model_does_not_run(shop, tmp_path, request):
    page = tmp_path / "page.html"
    options = ["--strategy", "random", "--seed", 4]
    select(shop, shop / "pool.parquet", tmp_path / "file.csv", "--features", "tuned", *options)
    request.getfixturevalue("no_model")
    told = select(shop, shop / "graded", tmp_path / "folder.csv", "--page", page, *options)
    assert told.stderr == ""
    file, folder = rows_of(tmp_path / "file.csv"), rows_of(tmp_path / "folder.csv")
    assert [list(row) for row in folder] == [list(row) for row in file]
    for one, other in zip(file, folder, strict=True):
        for name, value in one.items():
            if name in ("ood_score", "confidence", "nearest_distance"):  # float16 moves them
                assert float(other[name]) == pytest.approx(float(value), abs=2e-3)
            elif not name.startswith("nearest") and name not in ("cluster", "ood_percentile"):
                assert other[name] == value
    assert f"6 of {N} pool pairs; strategy random" in page.read_text(encoding="utf-8")


def test_what_is_left_out_is_told(shop, tmp_path, no_model):
    options = ("--among", 30, "--strategy", "ood_band")
    result = select(shop, shop / "graded", tmp_path / "x.csv", *options)
    assert "chosen among 30 drawn at random, 10 left out (--among)" in result.stderr
    assert len(rows_of(tmp_path / "x.csv")) == 6
    before = (tmp_path / "x.csv").read_bytes()
    select(shop, shop / "graded", tmp_path / "x.csv", *options)
    assert (tmp_path / "x.csv").read_bytes() == before


def test_graded_pairs_instead_of_a_reference(shop, tmp_path):
    select(shop, shop / "graded", tmp_path / "x.csv", "--train", shop / "train.jsonl")
    titles = {row["item"] for row in rows_of(shop / "train.jsonl")}
    assert {row["nearest_item"] for row in rows_of(tmp_path / "x.csv")} <= titles


def test_held_out_pairs_beside_the_training_pairs_say_what_is_usual(shop, tmp_path):
    options = ["--train", shop / "train.jsonl", "--features", "tuned"]
    alone = select(shop, shop / "pool.parquet", tmp_path / "alone.csv", *options)
    assert "a fifth of --train says what is usual" in alone.stderr
    valid = tmp_path / "valid.jsonl"
    write_graded_pairs(valid, toy_pairs(50, queries=10, prefix="p"), GradeScale())
    beside = select(shop, shop / "pool.parquet", tmp_path / "beside.csv", *options, "--valid", valid)
    assert "a fifth of" not in beside.stderr
    # Of 50 held-out pairs, all of them, a percentile is a whole number of fiftieths.
    for row in rows_of(tmp_path / "beside.csv"):
        assert float(row["ood_percentile"]) / 2 == pytest.approx(round(float(row["ood_percentile"]) / 2))
    write_graded_pairs(valid, toy_pairs(20, queries=4), GradeScale())
    leak = select(shop, shop / "pool.parquet", tmp_path / "x.csv", *options, "--valid", valid, code=1)
    assert "share queries" in leak.stderr
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    ("pool", "options", "code", "told"),
    [
        ("graded", ["--features", "frozen"], 1, "holds features of the view tuned only, received frozen"),
        ("graded", ["--features", "frozen", "--train", "TRAIN"], 1, "give the pairs themselves, as a file"),
        ("graded", ["--valid", "TRAIN"], 2, "--valid goes with --train"),
        ("graded", ["--among", 5], 1, "expected at least the 6 to choose, received 5"),
        ("graded", ["--skip-bad-rows", "bad.jsonl"], 2, "a graded folder has no bad rows"),
        ("graded", ["--n", 41], 1, "at most the 40 pairs of the pool, received 41"),
        ("bare", [], 1, "holds no features: grade the pairs again"),
        (".", [], 2, "is a folder that darl predict did not make"),
        ("pool.parquet", ["--among", 9], 2, "--among is for a folder"),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(shop, tmp_path, no_model, pool, options, code, told):
    options = [shop / "train.jsonl" if one == "TRAIN" else one for one in options]
    error = " ".join(select(shop, shop / pool, tmp_path / "x.csv", *options, code=code).stderr.split())
    assert told in error
    assert "Traceback" not in error
    assert not (tmp_path / "x.csv").exists()
