"""`darl train` keeps a detector, `darl predict` uses it, as a user types it."""

from __future__ import annotations

import pytest

from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from darl.pipeline.gauge import load_gauge
from tests.cli.test_cli import darl, rows_of
from tests.tiny import toy_pairs


@pytest.fixture
def files(tmp_path):
    write_graded_pairs(tmp_path / "train.jsonl", toy_pairs(40, queries=8), GradeScale())
    write_graded_pairs(tmp_path / "test.csv", toy_pairs(12, queries=3, prefix="t"), GradeScale())
    return tmp_path


def train(files, backbone, *options, code=0):
    arguments = ["train", "--train", files / "train.jsonl", "--backbone", backbone, "--out", files / "first"]
    return darl(*arguments, "--set", "epochs=0", *options, code=code)


def test_train_and_predict(files, tiny_llm):
    options = ["--ood-detector", "cosine:most=20", "--ood-features", "frozen.item", "--set", "ood.size=30"]
    train(files, tiny_llm, *options)
    gauge = load_gauge(files / "first" / "model")
    assert (str(gauge.component), str(gauge.view)) == ("cosine(most=20)", "frozen.item")
    darl("predict", files / "first" / "model", files / "test.csv", "--out", files / "graded.csv")
    for row in rows_of(files / "graded.csv"):
        assert 0 <= float(row["ood_percentile"]) <= 100
        assert 0 <= float(row["ood_score"]) < 2
    darl("predict", files / "first" / "model", files / "test.csv", "--out", files / "bare.csv", "--no-ood")
    assert not {"ood_score", "ood_percentile"} & set(rows_of(files / "bare.csv")[0])


def test_train_without(files, tiny_llm):
    train(files, tiny_llm, "--no-ood")
    assert load_gauge(files / "first" / "model") is None


def test_faults_are_told_together_and_first(files):
    options = ["--ood-detector", "lof", "--ood-features", "melted", "--set", "epoch=3"]
    error = train(files, "nowhere/at-all", *options, code=1).stderr
    for part in ("ood.detector: unknown name 'lof'", "received 'melted'", "training.epoch: unknown key"):
        assert part in error
