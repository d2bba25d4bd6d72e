"""Pairs of a catalogue from the command line, to look at and to train on."""

from __future__ import annotations

import json

import pytest

from darl.data.readers import read_graded_pairs
from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from darl.pipeline.lesson import warm_lesson
from darl.pipeline.warm_config import WarmConfig
from tests.cli.test_cli import darl
from tests.tiny import toy_pairs

THINGS = ("coat", "hat", "scarf", "boots", "shirt")


@pytest.fixture
def catalogue(tmp_path):
    rows = [
        {
            "item_id": i,
            "item": f"{THINGS[i % 5]} number{i} of wool{i % 7}",
            "brand": f"Brand{i % 3}",
            "size": str(i),
        }
        for i in range(40)
    ]
    path = tmp_path / "catalogue.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_pairs_to_look_at(catalogue, tmp_path):
    told = darl("data", "warm", catalogue, "--out", tmp_path / "pairs.csv", "--n", 20, "--seed", 1)
    pairs = read_graded_pairs(tmp_path / "pairs.csv", GradeScale(), item_fields=["brand"])
    assert told.stdout == f"{len(pairs)} pairs: {tmp_path / 'pairs.csv'}\n"
    assert f"20 pseudo-queries of 40 items: {len(pairs)} pairs" in told.stderr
    assert {one.grade for one in pairs} == {0, 1, 2}
    darl("data", "warm", catalogue, "--out", tmp_path / "again.csv", "--n", 20, "--seed", 1)
    assert (tmp_path / "pairs.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_they_are_those_that_are_learnt(catalogue, tmp_path):
    from darl.data.items import read_catalogue

    darl("data", "warm", catalogue, "--out", tmp_path / "pairs.jsonl", "--n", 20, "--seed", 1, "--near", 2)
    shown = read_graded_pairs(tmp_path / "pairs.jsonl", item_fields=["brand"])
    learnt = warm_lesson(read_catalogue(catalogue), WarmConfig(queries=20, near=2), GradeScale(), seed=1)
    assert {*learnt.examples.main, *learnt.valid} == set(shown)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--n", 0], "queries"),
        (["--near", 0, "--far", 0], "near, far: expected at least one above 0"),
        (["--field", "colour"], "colour: expected a column of this name"),
        (["--field", "item"], "'item' is read anyway"),
        (["--grades", "one"], "expected at least 2 grade names"),
    ],
)
def test_what_is_refused(catalogue, tmp_path, options, told):
    assert told in darl("data", "warm", catalogue, "--out", tmp_path / "p.jsonl", *options, code=1).stderr
    assert not (tmp_path / "p.jsonl").exists()


def test_an_output_of_another_kind_is_refused_first(tmp_path):
    told = darl("data", "warm", tmp_path / "none.jsonl", "--out", tmp_path / "p.txt", code=1).stderr
    assert "expected a file name that ends in" in told
    assert "none.jsonl" in darl("data", "warm", tmp_path / "none.jsonl", "--out", "p.csv", code=1).stderr


def test_training_with_a_catalogue(catalogue, tmp_path, tiny_encoder):
    write_graded_pairs(tmp_path / "train.jsonl", toy_pairs(40, queries=8), GradeScale())
    made = ["train", "--train", tmp_path / "train.jsonl", "--backbone", tiny_encoder, "--out", tmp_path / "m"]
    made += ["--set", "epochs=1", "--set", "model.prompt='{query} / {item} by {brand}:'", "--no-reference"]
    assert "needs --catalogue" in darl(*made, "--set", "warm.queries=20", code=2).stderr
    told = darl(*made, "--catalogue", catalogue, "--set", "warm.querys=20", code=1).stderr
    assert "warm.querys: unknown key" in told
    darl(*made, "--catalogue", catalogue, "--set", "warm.queries=20")
    assert (tmp_path / "m" / "warm" / "model" / "darl.json").exists()
    darl("predict", tmp_path / "m" / "model", tmp_path / "train.jsonl", "--out", tmp_path / "graded.csv")
