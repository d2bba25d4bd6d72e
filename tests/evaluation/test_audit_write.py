"""An audit as JSON and as rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from darl.evaluation.agreement import agreement
from darl.evaluation.audit_write import finding_rows, write_json
from tests.evaluation.audits import TRAIN, made_audit


@pytest.fixture
def written(tmp_path):
    write_json(made_audit(), tmp_path / "audit.json")
    return json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))


def test_json_holds_every_finding(written):
    assert written["counts"] == {"conflicts": 1, "leaks": 2, "near": 1, "repeats": 1}
    assert written["files"]["train"] == {
        "pairs": 6, "queries": 3, "grades": {"irrelevant": 3, "weak": 1, "strong": 2},
        "per_query": [1, 1.0, 4], "flat": 2,
    }  # fmt: skip
    assert set(written["domains"]["train"]) == {"shoes", "coats"}
    assert written["compared"] == {"test": 2}
    assert [(row["line"], row["grade"]) for row in written["conflicts"][0]] == [
        (1, "strong"),
        (2, "irrelevant"),
    ]
    assert [(leak["pairs"], len(leak["rows"])) for leak in written["leaks"]] == [(1, 2), (0, 2)]
    assert written["leaks"][1]["rows"][1] == {
        "file": "test", "line": 2, "query_id": "grey scarf", "query": "grey scarf",
        "item_id": "cap", "item": "cap", "grade": None,
    }  # fmt: skip
    assert [(near["kind"], near["apart"]) for near in written["near"]] == [
        ("one edit", True),
        ("same words", False),
    ]
    assert written["items"] == [{"files": ["train", "valid"], "items": 1}]


def test_json_ranks_every_pair_and_marks_the_probable_errors(written):
    pairs = written["errors"]["pairs"]
    assert len(pairs) == len(TRAIN)
    chances = [one["error_prob"] for one in pairs]
    assert chances == sorted(chances, reverse=True)
    assert sum(one["error_prob"] > 0.5 for one in pairs) == written["errors"]["probable"] == 2
    assert sum(one["confident"] for one in pairs) == written["errors"]["confident"]
    assert written["errors"]["trial"] == {"pairs": 60, "planted": 6, "found": 4, "listed": 5, "probable": 9}
    assert sum(map(sum, written["errors"]["joint"])) == pytest.approx(1, abs=1e-5)


def test_what_is_undefined_is_null(tmp_path):
    same = replace(made_audit(suspects=False), agreement={"train": agreement([(1, 1)], 3)})
    write_json(same, tmp_path / "audit.json")
    found = json.loads((tmp_path / "audit.json").read_text())
    assert found["agreement"]["train"]["alpha"] is None
    assert found["errors"] is None


def test_the_same_audit_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_json(made_audit(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_rows_are_those_that_findings_name():
    rows = list(finding_rows(made_audit()))
    assert Counter(row["finding"] for row in rows) == {
        "conflict": 2, "leak": 4, "near": 4, "repeat": 3, "error": 2,
    }  # fmt: skip
    assert len({tuple(row) for row in rows}) == 1  # the same columns everywhere
    assert [(row["number"], row["line"]) for row in rows if row["finding"] == "leak"] == [
        (1, 1), (1, 1), (2, 2), (2, 2),
    ]  # fmt: skip
    first = next(row for row in rows if row["finding"] == "error")
    assert (first["line"], first["grade"], first["likelier"]) == (2, "irrelevant", "strong")
    assert all(row["likelier"] is None for row in rows if row["finding"] != "error")


def test_without_a_witness_no_row_is_a_probable_error():
    assert all(row["finding"] != "error" for row in finding_rows(made_audit(suspects=False)))
