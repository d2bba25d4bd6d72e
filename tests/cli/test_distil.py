"""darl distil as it is typed."""

from __future__ import annotations

import json

import pytest

from darl.data.writers import write_graded_pairs, write_pairs
from darl.grades import GradeScale
from tests.cli.test_cli import darl
from tests.pipeline.made import saved_model
from tests.tiny import toy_pairs


@pytest.fixture(scope="module")
def folder(tiny_llm, tmp_path_factory):
    made = tmp_path_factory.mktemp("distil")
    saved_model(made / "teacher", tiny_llm, {"detector": {"name": "knn", "k": 3}})
    write_pairs(made / "pool.csv", [one.pair for one in toy_pairs(40, queries=10, prefix="p")])
    write_graded_pairs(made / "train.jsonl", toy_pairs(20, queries=4, prefix="t"), GradeScale())
    write_graded_pairs(made / "valid.jsonl", toy_pairs(60, queries=12, prefix="v"), GradeScale())
    return made


def arguments(folder, out, student, *more):
    made = ["distil", folder / "teacher", "--student", student, "--pool", folder / "pool.csv", "--out", out]
    return [*made, "--set", "epochs=1", "--no-reference", "--no-ood", *more]


def test_a_student_that_other_commands_take(folder, tmp_path, tiny_encoder):
    mixed = ["--train", folder / "train.jsonl", "--share", 0.4, "--percentile", 100]
    told = darl(*arguments(folder, tmp_path / "s", tiny_encoder, *mixed))
    assert "student beside teacher, on " in told.stdout
    assert told.stdout.splitlines()[-1] == f"model: {tmp_path / 's' / 'model'}"
    assert "pairs/s: teacher " in told.stdout
    assert "0 of 40 pairs are above percentile 100: left out" in told.stderr
    assert json.loads((tmp_path / "s" / "agreement.json").read_text())["pairs"] == 4
    darl("predict", tmp_path / "s" / "model", folder / "pool.csv", "--out", tmp_path / "graded.csv")
    darl("calibrate", tmp_path / "s" / "model", "--data", folder / "valid.jsonl")
    assert "holds a trained model" in darl(*arguments(folder, tmp_path / "s", tiny_encoder), code=1).stderr


@pytest.mark.parametrize(
    ("more", "told", "code"),
    [
        (["--share", 1], "share", 1),
        (["--beyond", "drop"], "Invalid value for '--beyond'", 2),
        (["--set", "epoch=1"], "training.epoch: unknown key", 1),
        (["--set", "warm.queries=20"], "a student has no warm-up", 2),
        (["--objective", "confidence_penalty"], "sees no grades", 1),
        (["--set", "model.prompt='{query} {item} {color}:'"], "the student reads the field 'color'", 1),
    ],
)
def test_what_is_refused_before_the_teacher_is_asked(folder, tmp_path, tiny_encoder, more, told, code):
    assert told in darl(*arguments(folder, tmp_path / "s", tiny_encoder, *more), code=code).stderr
    assert not (tmp_path / "s").exists()
