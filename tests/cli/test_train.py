"""Objectives as they are typed for darl train."""

from __future__ import annotations

import json

import pytest

from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from tests.cli.test_cli import darl
from tests.tiny import toy_pairs

TERMS = "[soft_grades, {name: in_query_contrast, weight: 0.2}, {name: confidence_penalty, weight: 0.1}]"


@pytest.fixture
def arguments(tmp_path, tiny_llm):
    write_graded_pairs(tmp_path / "train.jsonl", toy_pairs(40, queries=8), GradeScale())
    made = ["train", "--train", tmp_path / "train.jsonl", "--backbone", tiny_llm, "--out", tmp_path / "m"]
    return [*made, "--set", "epochs=1", "--no-reference"]


def test_a_sum_of_objectives(arguments, tmp_path):
    refused = darl(*arguments, "--objective", TERMS, "--set", "items_per_query=1", code=1).stderr
    assert "training: items_per_query: expected at least 2" in refused
    assert not (tmp_path / "m").exists()
    darl(*arguments, "--objective", TERMS)
    card = json.loads((tmp_path / "m" / "model" / "darl.json").read_text())
    assert card["model"]["objective"]["weights"] == [1, 0.2, 0.1]


@pytest.mark.parametrize(
    ("objective", "told"),
    [
        ("{name: softmax, class_weights: [1, 2]}", "model.objective: class_weights: expected 3 numbers"),
        ("confidence_penalty", "training: objective: sees no grades"),
        ("[softmax, hinge]", "model: weighted.terms[1]: unknown name 'hinge'"),
        ("[softmax", "is not YAML"),
    ],
)
def test_what_is_refused(arguments, tmp_path, objective, told):
    assert told in darl(*arguments, "--objective", objective, code=1).stderr
    assert not (tmp_path / "m").exists()


def test_thresholds_from_the_command_line(arguments, tmp_path):
    darl(*arguments, "--objective", "corn")
    darl("predict", tmp_path / "m" / "model", tmp_path / "train.jsonl", "--out", tmp_path / "graded.csv")
    told = darl(
        "select", tmp_path / "m" / "model", tmp_path / "train.jsonl", "--train", tmp_path / "train.jsonl",
        "--n", 3, "--detector", "energy", "--out", tmp_path / "chosen.csv", code=1,
    ).stderr  # fmt: skip
    assert "use an objective with class logits" in told
