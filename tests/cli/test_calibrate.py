"""`darl calibrate`, and what it does to `darl predict`, as a user types it."""

from __future__ import annotations

import json

import pytest

from darl.cli.calibrate import parse_goal
from darl.data.writers import write_graded_pairs
from darl.errors import ConfigError
from darl.grades import GradeScale
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.made import saved_model
from tests.tiny import toy_pairs

SCALE = GradeScale()


@pytest.fixture
def model(tmp_path, tiny_llm):
    return saved_model(tmp_path / "model", tiny_llm)


@pytest.fixture
def valid(tmp_path):
    write_graded_pairs(tmp_path / "valid.jsonl", toy_pairs(120, queries=24, prefix="v"), SCALE)
    return tmp_path / "valid.jsonl"


def predicted(model, valid, out, *options):
    darl("predict", model, valid, "--out", out, *options)
    return rows_of(out)


def test_it_tells_before_and_after_and_predict_is_calibrated_from_then_on(model, valid, tmp_path):
    before = predicted(model, valid, tmp_path / "before.jsonl")
    result = darl(
        "calibrate", model, "--data", valid, "--method", "vector", "--goal", "macro_f1", "--coverage", 0.7,
        "--per-domain", "--resamples", 100, "--out", tmp_path / "table.json",
    )  # fmt: skip
    for word in ("ECE, equal mass", "Brier of strong", "Answered", "AURC", "shop", "answers where the risk"):
        assert word in result.stdout
    rows = json.loads((tmp_path / "table.json").read_text())
    assert {row["slice"] for row in rows} == {"all", "shop"}
    (brier,) = [row for row in rows if (row["slice"], row["metric"]) == ("all", "brier")]
    assert f"{brier['after']['value']:.3f}" in result.stdout
    assert f"{brier['before']['value']:.3f}" in result.stdout
    after = predicted(model, valid, tmp_path / "after.jsonl")
    without = predicted(model, valid, tmp_path / "without.jsonl", "--no-calibration")
    assert without == before
    assert [row["score"] for row in after] == [row["score"] for row in before]
    assert [row["prob_weak"] for row in after] != [row["prob_weak"] for row in before]
    assert 0.15 < sum(row["abstain"] for row in after) / 120 < 0.45
    assert "abstain" not in before[0]
    darl("calibrate", model, "--data", valid, "--method", "none", "--resamples", 100)
    assert predicted(model, valid, tmp_path / "again.jsonl") == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--method", "platt"], "unknown name 'platt'"),
        (["--coverage", "0.5", "--risk", "0.1"], "expected one of the two"),
        (["--goal", "precision:great=0.5"], "unknown grade 'great'"),
        (["--goal", "precision:strong=0.99"], "promise"),
        (["--goal", "cost=nowhere.csv"], "nowhere.csv cannot be read"),
        (["--goal", "recall"], "unknown name 'recall'"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(model, valid, options, told):
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    error = darl("calibrate", model, "--data", valid, *options, code=1).stderr
    assert told in error
    assert "Traceback" not in error
    assert {path.name: path.read_bytes() for path in model.iterdir()} == files


def test_goals_as_they_are_typed(tmp_path):
    assert parse_goal("most_probable") == {"name": "most_probable"}
    typed = {"name": "precision", "grade": "strong", "at_least": 0.9}
    assert parse_goal("precision:strong=0.9") == parse_goal("precision:grade=strong,at_least=0.9") == typed
    assert parse_goal("{name: precision, grade: strong, at_least: 0.9}") == typed
    costs = {"name": "cost", "matrix": [[0, 1], [5, 0]]}
    (tmp_path / "costs.csv").write_text("0,1\n5,0\n")
    (tmp_path / "costs.yaml").write_text("[[0, 1], [5, 0]]")
    for name in ("costs.csv", "costs.yaml"):
        assert parse_goal(f"cost={tmp_path / name}") == costs
    (tmp_path / "bad.csv").write_text("a,b\n")
    with pytest.raises(ConfigError, match="cannot be read as rows of numbers"):
        parse_goal(f"cost={tmp_path / 'bad.csv'}")


def test_training_calibrates_where_there_are_enough_pairs(valid, tiny_llm, tmp_path):
    write_graded_pairs(tmp_path / "train.jsonl", toy_pairs(40, queries=8), SCALE)
    arguments = [
        "train", "--train", tmp_path / "train.jsonl", "--backbone", tiny_llm, "--set", "epochs=0",
        "--no-reference",
    ]  # fmt: skip
    darl(*arguments, "--valid", valid, "--out", tmp_path / "with")
    assert (tmp_path / "with" / "model" / "calibration.safetensors").exists()
    darl(*arguments, "--valid", valid, "--out", tmp_path / "none", "--calibration", "none")
    assert not (tmp_path / "none" / "model" / "calibration.safetensors").exists()
    result = darl(*arguments, "--out", tmp_path / "few")
    assert "not calibrated: expected at least 50 validation pairs" in result.stderr
    assert (
        "unknown name 'x'" in darl(*arguments, "--out", tmp_path / "x", "--calibration", "x", code=1).stderr
    )
