"""`darl data audit` as a user types it."""

from __future__ import annotations

import json

import pytest

from darl.data.writers import write_graded_pairs
from darl.grades import GradeScale
from tests.cli.test_cli import darl, rows_of
from tests.pipeline.test_audit import write
from tests.pipeline.test_witness import folder, matched_pairs, predictions  # noqa: F401 - folder is a fixture
from tests.tiny import toy_pairs

SCALE = GradeScale()


@pytest.fixture
def train(tmp_path):
    return write(
        tmp_path / "train.jsonl",
        ("red shoes", "red boots", "strong"),
        ("red shoes", "red boots", "irrelevant"),
        ("red shoes", "green hat", "irrelevant"),
        ("wool coat", "a parka of wool that is " + "very " * 30 + "long", "weak"),
        ("wool coat", "a parka of wool that is " + "very " * 30 + "long", "strong"),
    )


@pytest.fixture
def test_file(tmp_path):
    return write(tmp_path / "test.jsonl", ("red shoes", "cap"), ("wool coats", "parka"))


def test_it_prints_and_writes_what_it_finds(train, test_file, tmp_path):
    out, found, rows = tmp_path / "audit.html", tmp_path / "audit.json", tmp_path / "rows.csv"
    result = darl(
        "data",
        "audit",
        train,
        "--against",
        f"test={test_file}",
        "--out",
        out,
        "--json",
        found,
        "--rows",
        rows,
    )
    for part in (
        "5 graded pairs in train.", "Conflicting grades: 2 pairs.", "1 query", "irrelevant train:2; strong",
        "wool coats (test:2)", "very very…", f"written: {out}", f"written: {found}", f"written: {rows}",
    ):  # fmt: skip
        assert part in result.stdout
    assert "Probably wrong" not in result.stdout
    assert json.loads(found.read_text())["counts"] == {"conflicts": 2, "leaks": 1, "near": 1, "repeats": 0}
    assert "Conflicting grades" in out.read_text(encoding="utf-8")
    assert {row["finding"] for row in rows_of(rows)} == {"conflict", "leak", "near"}


def test_a_build_can_fail_on_what_it_finds(train, test_file, tmp_path):
    against = ("--against", f"test={test_file}")
    darl("data", "audit", train, *against, "--fail-on", "repeats")
    darl("data", "audit", train, "--fail-on", "leaks")
    for kinds in ("leaks", "conflicts,repeats", "near"):
        result = darl(
            "data", "audit", train, *against, "--fail-on", kinds, "--json", tmp_path / kinds, code=4
        )
        assert "Conflicting grades: 2 pairs." in result.stdout
        assert (tmp_path / kinds).exists()


def test_errors_are_looked_for_out_of_fold(tmp_path, tiny_encoder):
    graded = matched_pairs()
    for i in (8, 106, 200):
        assert graded[i].grade != 1
        graded[i] = graded[i]._replace(grade=2 - graded[i].grade)
    write_graded_pairs(tmp_path / "train.jsonl", graded, SCALE)
    out = tmp_path / "rows.jsonl"
    result = darl(
        "data", "audit", tmp_path / "train.jsonl", "--errors", "--encoder", tiny_encoder, "--rows", out,
        "--folds", 4, "--rank", "distance", "--trial", 0.05,
    )  # fmt: skip
    assert "with 16 grades made wrong in memory" in result.stdout
    assert "Probable errors" in result.stdout
    assert "fitted on other queries (4 folds)" in result.stdout
    errors = [row for row in rows_of(out) if row["finding"] == "error"]
    assert {9, 107, 201} <= {row["line"] for row in errors[:6]}
    assert [row["distance"] for row in errors] == sorted((row["distance"] for row in errors), reverse=True)


def test_a_model_and_its_predictions_say_the_same(folder, tmp_path):  # noqa: F811
    write_graded_pairs(tmp_path / "valid.jsonl", toy_pairs(24, prefix="v"), SCALE)
    darl("predict", folder, tmp_path / "valid.jsonl", "--out", tmp_path / "graded.jsonl")
    found = []
    for name, asked in (("a", ("--model", folder)), ("b", ("--predictions", tmp_path / "graded.jsonl"))):
        darl("data", "audit", tmp_path / "valid.jsonl", *asked, "--json", tmp_path / name)
        found.append(json.loads((tmp_path / name).read_text())["errors"])
    lines = [[one["line"] for one in errors["pairs"]] for errors in found]
    assert sorted(lines[0]) == list(range(1, 25))
    chances = [{one["line"]: one["error_prob"] for one in errors["pairs"]} for errors in found]
    assert chances[0] == pytest.approx(chances[1], abs=1e-4)


def test_ratings_are_read_where_they_are_named(tmp_path):
    file = write(
        tmp_path / "train.jsonl",
        {"query": "cap", "item": "cap", "ratings": ["strong", "strong", "weak"]},
        {"query": "cap", "item": "hat", "ratings": ["irrelevant", "irrelevant"]},
    )
    assert "grade" in darl("data", "audit", file, code=1).stderr
    result = darl("data", "audit", file, "--ratings", "--json", tmp_path / "audit.json")
    assert "Agreement of raters" in result.stdout
    found = json.loads((tmp_path / "audit.json").read_text())["agreement"]["train"]
    assert (found["pairs"], found["ratings"], found["unanimous"]) == (2, 5, 0.5)


def test_other_grades_and_fields(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        {"query": "cap", "item": "cap", "item_id": 1, "grade": "no", "colour": "red"},
        {"query": "cap", "item": "cap", "item_id": 2, "grade": "yes", "colour": "blue"},
    )
    told = darl("data", "audit", file, "--grades", "no,yes", "--fail-on", "conflicts", code=4).stdout
    assert "no a:1; yes a:2" in told
    darl("data", "audit", file, "--grades", "no,yes", "--fail-on", "conflicts", "--fields", "colour")


def test_set_aside_rows_are_kept(tmp_path):
    file = write(tmp_path / "a.jsonl", ("cap", "hat", "great"), ("cap", "cap", "strong"))
    assert "unknown grade 'great'" in darl("data", "audit", file, code=1).stderr
    darl("data", "audit", file, "--skip-bad-rows", tmp_path / "bad")
    assert "great" in (tmp_path / "bad" / "a.jsonl").read_text()


@pytest.mark.parametrize(
    ("options", "told", "code"),
    [
        (["--fail-on", "leaks,typos"], "received typos", 2),
        (["--against", "test.jsonl"], "expected a new NAME=FILE, received 'test.jsonl'", 2),
        (["--against", "train=x.jsonl"], "expected a new NAME=FILE", 2),
        (["--against", "a=x.jsonl", "--against", "a=y.jsonl"], "expected a new NAME=FILE", 2),
        (["--errors", "--model", "m"], "expected one of --errors, --model, --predictions", 2),
        (["--trial", "0.1"], "--trial tries --errors, --model or --predictions", 2),
        (["--errors", "--trial", "0.6"], "0<x<=0.5", 2),
        (["--rows", "rows.txt"], "expected a file name that ends in", 1),
        (["--against", "test=nowhere.jsonl"], "nowhere.jsonl", 1),
        (["--model", "nowhere"], "expected a model folder", 1),
        (["--errors", "--folds", "9"], "expected 2 to 2, the number of queries", 1),
    ],
)
def test_mistakes_are_told(train, options, told, code):
    result = darl("data", "audit", train, *options, code=code)
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not result.stdout


def test_it_changes_nothing(train, tmp_path):
    before = train.read_bytes()
    darl("data", "audit", train)
    assert train.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.jsonl"]
