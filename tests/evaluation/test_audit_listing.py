"""An audit in words and tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from darl.evaluation.audit_listing import PLACES, listings, summary
from tests.evaluation.audits import filed, made_audit


@pytest.fixture(scope="module")
def tables():
    return {listing.title: listing for listing in listings(made_audit(), 100)}


def test_every_kind_of_finding_has_a_table(tables):
    assert list(tables) == [
        "Grades",
        "Grades of train by domain",
        "Agreement of raters",
        "Conflicting grades",
        "Queries in two files",
        "Queries that are all but the same",
        "Said again",
        "Items in two files",
        "How grades may be mistaken",
        "Probable errors",
    ]
    for listing in tables.values():
        assert listing.total == len(listing.rows)
        assert all(len(row) == len(listing.headers) for row in listing.rows)


def test_what_the_tables_say(tables):
    # One of the queries of train has one grade alone: each spelling of the coat has a single pair.
    assert tables["Grades"].rows[0] == ["train", "6", "3", "1 / 1 / 4", "2", "3 (50%)", "1 (17%)", "2 (33%)"]
    assert tables["Conflicting grades"].rows == [
        ["red shoes", "red boots", "irrelevant train:2; strong train:1"]
    ]
    assert tables["Queries in two files"].rows == [
        ["red shoes", "train:1, valid:1", "1"],
        ["grey scarf", "valid:2, test:2", "0"],
    ]
    assert tables["Queries that are all but the same"].rows[0] == [
        "wool coat (train:6)", "wool  coats (test:1)", "one edit", "yes",
    ]  # fmt: skip
    assert tables["Said again"].rows == [["red shoes", "green hat", "irrelevant train:3, train:5, valid:1"]]
    assert tables["Items in two files"].rows == [["train", "valid", "1"]]
    assert tables["Agreement of raters"].rows[0][:4] == ["train", "2", "5", "50%"]
    where, query, item, grade, likelier, chance, off = tables["Probable errors"].rows[0]
    assert (where, query, item, grade, likelier) == (
        "train:2",
        "red shoes",
        "red boots",
        "irrelevant",
        "strong",
    )
    assert chance.endswith("%")
    assert 0 < float(off) <= 2


def test_long_lists_are_cut_and_say_how_long_they_are():
    cut = {listing.title: listing for listing in listings(made_audit(), 1)}
    assert [len(cut[name].rows) for name in ("Queries in two files", "Probable errors")] == [1, 1]
    assert [cut[name].total for name in ("Queries in two files", "Probable errors")] == [2, 2]
    assert len(cut["Grades"].rows) == 2  # files are not cut


def test_a_pair_in_very_many_rows_names_the_first():
    audit = made_audit()
    many = tuple(filed("train", line, "a", "b", 0) for line in range(1, PLACES + 1202))
    groups = [audit.conflicts[0]._replace(rows=(filed("train", 9999, "a", "b", 2), *many))]
    tables = {one.title: one for one in listings(replace(audit, conflicts=groups), 9)}
    told = tables["Conflicting grades"].rows[0][2]
    assert told == "irrelevant train:1, train:2, train:3, train:4 and 1,201 more; strong train:9999"


def test_the_summary_counts_what_the_tables_hold():
    said = " ".join(summary(made_audit()))
    for part in (
        "8 graded pairs in train and valid.",
        "Conflicting grades: 1 pair. Said again in the same file: 1 row.",
        "must not share a query: 2 queries, with 1 pair in both; all but the same: 1 more.",
        "Probably wrong, as the made witness has it: 2 grades of 6.",
        "with 6 grades made wrong in memory, 4 (67%) of the first 6 on the list are theirs, "
        "where chance would put 1 (10%); 5 are anywhere in its 9.",
    ):
        assert part in said


def test_nothing_is_said_of_what_was_not_looked_at():
    audit = made_audit(suspects=False)
    alone = replace(audit, files={"train": audit.files["train"]}, compared={}, agreement={})
    assert "must not share a query" not in " ".join(summary(alone))
    assert "Probably wrong" not in " ".join(summary(alone))
    titles = [listing.title for listing in listings(alone, 5)]
    assert not {"Agreement of raters", "Probable errors", "How grades may be mistaken"} & set(titles)
