"""The command line as a user types it, on files."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from darl.cli.main import main
from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from tests.tiny import toy_pairs

SCALE = GradeScale()


def darl(*arguments, input=None, code=0):
    """The entry point as it is, in this process: a new one would load torch again each time."""
    before = sys.argv
    sys.argv = ["darl", *map(str, arguments)]
    try:
        with CliRunner().isolation(input) as (out, err, _), pytest.raises(SystemExit) as stopped:
            main()
        result = SimpleNamespace(stdout=out.getvalue().decode(), stderr=err.getvalue().decode())
    finally:
        sys.argv = before
    assert stopped.value.code == code, result.stderr
    return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tiny_llm):
    """Files, and a model trained on them through the command line."""
    folder = tmp_path_factory.mktemp("shop")
    write_graded_pairs(folder / "train.jsonl", toy_pairs(40, queries=8), SCALE)
    write_graded_pairs(folder / "test.csv", toy_pairs(12, queries=3, prefix="t"), SCALE)
    write_graded_pairs(folder / "pool.parquet", toy_pairs(20, queries=5, prefix="p"), SCALE)
    result = darl(
        "train", "--train", folder / "train.jsonl", "--backbone", tiny_llm, "--out", folder / "first",
        "--objective", "soft_grades:sharpness=3", "--set", "epochs=6", "--set", "lr=1e-2",
        "--set", "batch_size=8",
        "--set", "model.prompt='{query} / {item} by {brand}:'", "--set", "model.adapter.rank=4",
    )  # fmt: skip
    assert result.stdout.strip() == f"model: {folder / 'first' / 'model'}"
    return folder


def test_unknown_command_and_option():
    assert "No such command" in darl("trian", code=2).stderr
    assert "No such option" in darl("train", "--nope", code=2).stderr


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_predict_in_every_format(shop, suffix, tmp_path):
    out = tmp_path / f"graded{suffix}"
    darl("predict", shop / "first" / "model", shop / "test.csv", "--out", out)
    rows = rows_of(out)
    assert len(rows) == 12
    for row, one in zip(rows, toy_pairs(12, queries=3, prefix="t"), strict=True):
        probs = [float(row[f"prob_{name}"]) for name in SCALE.names]
        assert sum(probs) == pytest.approx(1, abs=1e-5)
        assert float(row["score"]) == pytest.approx(probs[1] + 2 * probs[2], abs=1e-5)
        assert row["grade"] == SCALE.names[probs.index(max(probs))]
        assert (row["query_id"], row["item_id"], row["brand"]) == (*one.pair[0:3:2], one.pair.field("brand"))


def rows_of(path):
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="") as handle:
            return list(csv.DictReader(handle))
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def test_predict_through_a_pipe_gives_the_same(shop, tmp_path):
    pairs = "".join(json.dumps(row) + "\n" for row in rows_of(shop / "train.jsonl")[:5])
    result = subprocess.run(
        [sys.executable, "-m", "darl", "predict", shop / "first" / "model", "-", "--out", "-"],
        input=pairs, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["item_id"] for row in rows] == [json.loads(line)["item_id"] for line in pairs.splitlines()]


def test_selected_pairs_alone_go_to_standard_output(shop):
    result = darl("select", shop / "first" / "model", shop / "pool.parquet", "--n", 3, "--out", "-")
    assert [json.loads(line)["rank"] for line in result.stdout.splitlines()] == [1, 2, 3]


def test_select_writes_the_reasons_and_the_same_again(shop, tmp_path):
    outs = tmp_path / "to_grade.csv", tmp_path / "again.csv"
    for out in outs:
        model, pool = shop / "first" / "model", shop / "pool.parquet"
        page = out.with_suffix(".html")
        asked = ("--n", 6, "--detector", "knn:k=2", "--out", out, "--page", page)
        told = darl("select", model, pool, *asked).stdout
    rows = rows_of(outs[0])
    assert [row["rank"] for row in rows] == list("123456")
    assert len({row["pool_row"] for row in rows}) == 6
    assert all(
        0 <= float(row["ood_percentile"]) <= 100 and row["predicted_grade"] in SCALE.names for row in rows
    )
    titles = {row["item"] for row in rows_of(shop / "train.jsonl")}
    assert all(
        row["nearest_item"] in titles and row["nearest_grade"] in SCALE.names and int(row["cluster"]) >= 1
        for row in rows
    )
    assert outs[0].read_bytes() == outs[1].read_bytes()
    page = outs[0].with_suffix(".html").read_text(encoding="utf-8")
    assert "strategy dasa; detector" in page
    assert "pool pairs are more unusual than 95 of 100 in-distribution pairs" in told
    beyond = sum(float(row["ood_percentile"]) > 95 for row in rows)
    assert f"{beyond / 6:.0%} of the 6 selected pairs are" in told
    assert page == outs[1].with_suffix(".html").read_text(encoding="utf-8")


def test_select_by_likelihood(shop, tmp_path):
    asked = ["select", shop / "first" / "model", shop / "pool.parquet", "--n", 4, "--out", tmp_path / "x.csv"]
    refused = darl(*asked, "--features", "likelihood.query", "--strategy", "core", code=1).stderr
    assert "knn reads features, and likelihood.query gives likelihoods" in refused
    assert "unknown name 'core'" in refused
    asked += ["--detector", "likelihood_ratio", "--features", "likelihood.query"]
    darl(*asked, "--page", tmp_path / "x.html")
    assert len(rows_of(tmp_path / "x.csv")) == 4
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "detector likelihood_ratio on likelihood.query features" in page


def test_select_without_a_reference(shop, tiny_llm, tmp_path):
    darl(
        "train", "--train", shop / "train.jsonl", "--backbone", tiny_llm, "--out", tmp_path / "bare",
        "--no-reference", "--set", "epochs=0",
    )  # fmt: skip
    arguments = [
        "select",
        tmp_path / "bare" / "model",
        shop / "pool.parquet",
        "--n",
        3,
        "--out",
        tmp_path / "x.csv",
    ]
    assert "--train FILE" in darl(*arguments, code=1).stderr
    darl(*arguments, "--train", shop / "train.jsonl", "--detector", "knn:k=2")
    assert len(rows_of(tmp_path / "x.csv")) == 3


def test_select_more_than_there_is(shop, tmp_path):
    arguments = [
        "select",
        shop / "first" / "model",
        shop / "pool.parquet",
        "--n",
        99,
        "--out",
        tmp_path / "x.csv",
    ]
    assert "99" in darl(*arguments, code=1).stderr
    assert not (tmp_path / "x.csv").exists()


def test_select_tells_every_fault_of_its_options(shop, tmp_path):
    result = darl(
        "select", shop / "first" / "model", shop / "pool.parquet", "--n", 3, "--out", tmp_path / "x.csv",
        "--detector", "lof", "--strategy", "ood_band:lower=7", code=1,
    )  # fmt: skip
    assert "unknown name 'lof'" in result.stderr
    assert "lower" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["select", "MODEL", "POOL", "--n", 3, "--out", "x.csv", "--detector", "knn:k=[5"], "is not YAML"),
        (["predict", "MODEL", "POOL", "--out", "x.txt"], ".parquet"),
        (["predict", "MODEL", "nowhere.csv", "--out", "x.csv"], "nowhere.csv"),
        (["predict", "nowhere", "POOL", "--out", "x.csv"], "expected a model folder"),
    ],
)
def test_mistakes_are_told_in_a_line(shop, tmp_path, arguments, told):
    places = {"MODEL": shop / "first" / "model", "POOL": shop / "pool.parquet", "x.csv": tmp_path / "x.csv"}
    error = darl(*(places.get(one, one) for one in arguments), code=1).stderr
    assert told in error
    assert "Traceback" not in error


def test_evaluate_prints_and_writes(shop, tmp_path):
    model = shop / "first" / "model"
    result = darl(
        "evaluate", model, "--against", model, "--data", f"in_dist={shop / 'train.jsonl'}",
        "--data", f"far_ood={shop / 'test.csv'}", "--out", tmp_path, "--resamples", 200,
    )  # fmt: skip
    assert "in_dist" in result.stdout
    assert "far_ood" in result.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    zero = [row["value"] for row in report["differences"] if row["value"] is not None]
    assert zero
    assert set(zero) == {0.0}  # a model against itself
    assert "<svg" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("data", ["nowhere", "=x", "a=x --data a=y"])
def test_evaluate_data_is_slice_and_file(shop, data):
    assert "--data" in darl("evaluate", shop / "first" / "model", "--data", *data.split(), code=2).stderr


def test_train_tells_every_fault_of_a_file(tmp_path, tiny_llm):
    rows = [{"query": f"q{i}", "item": "x", "grade": "great"} for i in range(30)] + [
        {"query": "", "item": "y", "grade": 1}
    ]
    (tmp_path / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    arguments = ["train", "--train", tmp_path / "bad.jsonl", "--backbone", tiny_llm, "--out", tmp_path / "m"]
    error = darl(*arguments, code=1).stderr
    assert "(32 faults)" in error
    assert "bad.jsonl:1: grade: " in error
    assert "and 12 more" in error
    assert not (tmp_path / "m").exists()


def test_bad_rows_are_set_aside_with_the_reason(shop, tiny_llm, tmp_path):
    lines = (shop / "train.jsonl").read_text() + '{"query": "x", "item": "y", "grade": "great"}\n'
    (tmp_path / "mixed.jsonl").write_text(lines)
    result = darl(
        "train", "--train", tmp_path / "mixed.jsonl", "--backbone", tiny_llm, "--out", tmp_path / "m",
        "--set", "epochs=0", "--no-reference", "--skip-bad-rows", tmp_path / "bad.jsonl",
    )  # fmt: skip
    assert "1 bad rows set aside" in result.stderr
    (bad,) = rows_of(tmp_path / "bad.jsonl")
    assert bad["line"] == 41
    assert "great" in bad["reasons"][0]


def test_train_settings_faults_are_told_together(shop, tmp_path):
    result = darl(
        "train", "--train", shop / "train.jsonl", "--out", tmp_path / "m", "--objective", "hinge",
        "--set", "epoch=3", "--set", "model.prompt=x", code=1,
    )  # fmt: skip
    for part in ("hinge", "training.epoch: unknown key", "{query}"):
        assert part in result.stderr


def test_a_trained_folder_is_not_overwritten(shop, tiny_llm):
    arguments = ["train", "--train", shop / "train.jsonl", "--backbone", tiny_llm, "--out", shop / "first"]
    assert "holds a trained model already" in darl(*arguments, code=1).stderr


def test_a_leak_between_train_and_valid(shop, tiny_llm, tmp_path):
    arguments = [
        "train", "--train", shop / "train.jsonl", "--valid", shop / "train.jsonl", "--backbone", tiny_llm,
        "--out", tmp_path / "m",
    ]  # fmt: skip
    assert "'q coat number 0' in both" in darl(*arguments, code=1).stderr


def test_validate_and_run(tmp_path, tiny_llm):
    from tests.pipeline.conftest import EXPERIMENT

    raw = EXPERIMENT | {"model": EXPERIMENT["model"] | {"backbone": str(tiny_llm)}}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(raw))
    assert "valid" in darl("validate", tmp_path / "x.yaml").stdout
    assert "unknown key" in darl("validate", tmp_path / "x.yaml", "--set", "modle=1", code=1).stderr
    result = darl("run", tmp_path / "x.yaml", "--out", tmp_path / "out")
    assert "darl" in result.stdout
    assert "40+6" in result.stdout  # labels: trained on + selected
    assert str(Path("out") / "report.html") in result.stdout
    assert "--resume" in darl("run", tmp_path / "x.yaml", "--out", tmp_path / "out", code=1).stderr


def test_data_write_convert_and_list(tmp_path):
    darl(
        "data",
        "write",
        "insurance",
        "--out",
        tmp_path / "shop",
        "--set",
        "train=20",
        "--set",
        "items_per_query=4",
    )
    assert len(rows_of(tmp_path / "shop" / "train.jsonl")) == 20
    assert "unknown name" in darl("data", "write", "nope", "--out", tmp_path, code=1).stderr
    assert "wands" in darl("data", "list").stdout
    assert "error" in darl("data", "convert", "wands", tmp_path, "--out", tmp_path / "x.csv", code=1).stderr
