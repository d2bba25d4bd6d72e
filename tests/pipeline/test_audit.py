"""An audit of files: what is found in them, whose grades are doubted, and by what names they go."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from darl.errors import ConfigError, DataError
from darl.evaluation.label_errors import find_label_errors
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.pipeline.audit import audit, file_names

SCALE = GradeScale()


def write(path, *rows):
    """(query, item, grade) or dicts, as JSONL."""
    made = [
        row if isinstance(row, dict) else dict(zip(("query", "item", "grade"), row, strict=False))
        for row in rows
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


@pytest.fixture
def train(tmp_path):
    return write(
        tmp_path / "train.jsonl",
        ("red shoes", "red boots", "strong"),
        ("Red  Shoes!", "red boots", "irrelevant"),
        ("red shoes", "green hat", "irrelevant"),
        ("red shoes", "green hat", "irrelevant"),
        ("wool coat", "wool parka", "weak"),
    )


@pytest.fixture
def test_file(tmp_path):
    return write(
        tmp_path / "test.jsonl", ("red shoes", "red boots"), ("wool coats", "parka"), ("cap", "wool parka")
    )


class Sworn:
    """Says of each pair that it has the grade in `truth`, or any grade."""

    fields, grades, how = (), (), "one who knows"

    def __init__(self, truth):
        self.truth, self.asked = truth, []

    def hear(self, pairs, scale, *, progress):
        def testimony(grades):
            self.asked = [GradedPair(*one) for one in zip(pairs, grades.tolist(), strict=True)]
            probs = np.full((len(pairs), len(scale)), 0.1 / len(scale))
            for row, one in zip(probs, self.asked, strict=True):
                row[self.truth.get(one.pair.item, one.grade)] += 0.9
            return probs

        return testimony


def test_everything_is_found_at_its_place(train, test_file):
    found = audit({"train": train}, {"test": test_file}, SCALE)
    (conflict,) = found.conflicts
    assert [(row.file, row.line, row.grade) for row in conflict.rows] == [
        ("train", 1, 2), ("train", 2, 0), ("test", 1, None),
    ]  # fmt: skip
    (repeat,) = found.repeats
    assert [row.line for row in repeat.rows] == [3, 4]
    (leak,) = found.leaks
    assert (leak.files, leak.pairs) == (("train", "test"), 1)
    (near,) = found.near
    assert (near.first.pair.query, near.second.pair.query, near.apart) == ("wool coat", "wool coats", True)
    assert found.counts == {"conflicts": 1, "leaks": 1, "near": 1, "repeats": 1}
    assert found.files["train"].grades == (3, 1, 1)
    assert found.compared == {"test": 3}
    assert found.items == {("train", "test"): 2}
    assert found.suspects is None
    assert found.agreement == {}


def test_the_pool_may_share_queries_with_train_alone(train, test_file):
    assert audit({"train": train}, {"pool": test_file}, SCALE).leaks == []
    assert audit({"valid": train}, {"pool": test_file}, SCALE).leaks


def test_fields_that_are_named_make_items_differ(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        {"query": "cap", "item": "cap", "item_id": "1", "grade": 0, "colour": "red"},
        {"query": "cap", "item": "cap", "item_id": "2", "grade": 2, "colour": "blue"},
    )
    assert len(audit({"a": file}, {}, SCALE).conflicts) == 1
    assert audit({"a": file}, {}, SCALE, fields=["colour"]).conflicts == []


def test_domains_are_told_where_there_are_several(tmp_path):
    rows = [
        {"query": f"q{i}", "item": "x", "grade": i % 3, "domain": "big" if i % 3 else "small"}
        for i in range(9)
    ]
    found = audit({"a": write(tmp_path / "a.jsonl", *rows)}, {}, SCALE)
    assert [(name, of.pairs) for name, of in found.domains["a"].items()] == [("big", 6), ("small", 3)]
    alone = audit(
        {"b": write(tmp_path / "b.jsonl", *[row for row in rows if row["domain"] == "big"])}, {}, SCALE
    )
    assert alone.domains == {}


def test_several_raters_are_no_conflict_where_they_are_known(tmp_path):
    file = write(
        tmp_path / "a.jsonl",
        {"query": "cap", "item": "cap", "grade": 0, "rater": "x"},
        {"query": "cap", "item": "cap", "grade": 2, "rater": "y"},
        {"query": "cap", "item": "hat", "ratings": [1, 1, 1]},
    )
    found = audit({"a": file}, {}, SCALE, ratings=True)
    assert found.conflicts == []
    assert (found.agreement["a"].pairs, found.agreement["a"].ratings) == (2, 5)
    assert found.agreement["a"].unanimous == 0.5
    assert found.files["a"].pairs == 2


def test_each_pair_is_judged_once_with_the_middle_of_its_grades(train):
    witness = Sworn({"wool parka": 2})
    found = audit({"train": train}, {}, SCALE, witness=witness)
    assert [(one.pair.item, one.grade) for one in witness.asked] == [
        ("red boots", 0), ("green hat", 0), ("wool parka", 1),
    ]  # fmt: skip
    assert found.suspects.how == "one who knows"
    worst = found.suspects.rows[found.suspects.order[0]]
    assert (worst.file, worst.line) == ("train", 5)


def test_pairs_are_ranked_by_chance_or_by_distance(tmp_path):
    rng = np.random.default_rng(3)
    rows = [(f"query {i}", f"item {i}", int(rng.integers(3))) for i in range(90)]
    file = write(tmp_path / "a.jsonl", *rows)

    class Vague(Sworn):
        def hear(self, pairs, scale, *, progress):
            return lambda _: np.random.default_rng(4).dirichlet(np.ones(3), len(pairs))

    orders = {}
    for rank in ("chance", "distance"):
        suspects = audit({"a": file}, {}, SCALE, witness=Vague({}), rank=rank).suspects
        errors = find_label_errors(
            np.random.default_rng(4).dirichlet(np.ones(3), 90), np.array([row[2] for row in rows])
        )
        key = errors.error_probs if rank == "chance" else errors.distances
        orders[rank] = suspects.order.tolist()
        assert orders[rank] == sorted(range(90), key=lambda i: -key[i])
    assert orders["chance"] != orders["distance"]


def test_a_witness_is_tried_on_errors_that_were_planted(tmp_path):
    rows = [(f"query {i}", f"item {i}", i % 3) for i in range(200)]
    file = write(tmp_path / "a.jsonl", *rows)
    knowing = Sworn({item: grade for _, item, grade in rows})
    tried = audit({"a": file}, {}, SCALE, witness=knowing, trial=0.1, seed=5).suspects
    assert (tried.trial.pairs, tried.trial.planted, tried.trial.found) == (200, 20, 20)
    assert (tried.trial.listed, tried.trial.probable) == (20, 20)
    assert sum(one.grade != row[2] for one, row in zip(knowing.asked, rows, strict=True)) == 20
    assert tried.errors.grades.tolist() == [row[2] for row in rows]
    assert len(tried.probable) == 0
    obedient = audit({"a": file}, {}, SCALE, witness=Sworn({}), trial=0.1).suspects
    assert obedient.trial.found <= 6
    assert audit({"a": file}, {}, SCALE, witness=knowing).suspects.trial is None


def test_rows_that_are_wrong_stop_it_or_are_set_aside(tmp_path):
    file = write(tmp_path / "a.jsonl", ("cap", "hat", "great"), ("cap", "cap", "strong"), ("cap", "x"))
    with pytest.raises(DataError, match=r"a\.jsonl:1: grade: unknown grade 'great'"):
        audit({"a": file}, {}, SCALE)
    found = audit({"a": file}, {}, SCALE, bad_rows=tmp_path / "bad")
    assert found.files["a"].pairs == 1
    assert len((tmp_path / "bad" / "a.jsonl").read_text().splitlines()) == 2


def test_a_field_that_is_read_anyway_is_refused(train):
    with pytest.raises(ConfigError, match="'item' is read anyway"):
        audit({"train": train}, {}, SCALE, fields=["item"])


def test_files_are_named_shortly_where_that_tells_them_apart():
    files = [Path("a/train.jsonl.gz"), Path("a/x.csv"), Path("b/x.csv")]
    assert file_names(files) == {"train": files[0], "a/x.csv": files[1], "b/x.csv": files[2]}
    assert list(file_names([Path("-")])) == ["-"]
    with pytest.raises(DataError, match="expected each file once"):
        file_names([Path("a.csv"), Path("a.csv")])
