"""Several people's ratings of a pair, from a file to one grade and what they said."""

from __future__ import annotations

import pytest

from darl.data.files import write_rows
from darl.data.readers import read_graded_pairs, read_pool, read_rated_pairs, read_records
from darl.errors import ConfigError, DataError
from darl.grades import GradeScale, middle_grade
from darl.pairs import Pair

SCALE = GradeScale()
PAIR = Pair("q1", "shoes", "i1", "boots")
OTHER = Pair("q1", "shoes", "i2", "hat")


def row(pair=PAIR, **more):
    return {
        "query_id": pair.query_id,
        "query": pair.query,
        "item_id": pair.item_id,
        "item": pair.item,
    } | more


def faults_of(path):
    with pytest.raises(DataError) as caught:
        read_rated_pairs(path, SCALE)
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("ratings", "middle"),
    [([1], 1), ([0, 2], 0), ([2, 0, 1], 1), ([2, 2, 0], 2), ([1, 2, 2, 1], 1), ([3, 0, 0, 3, 3], 3)],
)
def test_the_middle_grade_is_the_lower_median_and_that_of_a_majority(ratings, middle):
    assert middle_grade(ratings) == middle


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_column_of_ratings_in_every_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_rows(path, [row(ratings=["strong", "weak", "strong"]), row(OTHER, ratings=["irrelevant"])])
    rated = read_rated_pairs(path, SCALE)
    assert [(one.pair, one.grade) for one in rated.graded] == [(PAIR, 2), (OTHER, 0)]
    assert rated.ratings == {PAIR: (1, 2, 2)}
    assert read_graded_pairs(path, SCALE, ratings=True) == rated.graded


@pytest.mark.parametrize("cell", ["weak|strong|2", "2 | weak| strong", [1, 2, "strong"], '["weak", 2, 2]'])
def test_how_ratings_may_be_written(write_lines, cell):
    assert read_rated_pairs(write_lines("a.jsonl", row(ratings=cell)), SCALE).ratings == {PAIR: (1, 2, 2)}


def test_a_grade_whose_name_has_a_bar_is_one_rating(write_lines):
    scale = GradeScale(("no", "a|b", "yes"))
    (one,) = read_graded_pairs(write_lines("a.jsonl", row(ratings="a|b")), scale, ratings=True)
    assert one.grade == 1


def test_rows_of_a_pair_are_ratings_and_come_where_the_first_stood(write_lines):
    rows = [row(grade="weak"), row(OTHER, grade="strong"), row(grade="strong"), row(ratings="0|0")]
    rated = read_rated_pairs(write_lines("a.jsonl", *rows), SCALE)
    assert [(one.pair, one.grade) for one in rated.graded] == [(PAIR, 0), (OTHER, 2)]
    assert rated.ratings == {PAIR: (0, 0, 1, 2)}


def test_a_grade_beside_ratings_stands(write_lines):
    rows = [row(ratings="0|0|1", grade="strong"), row(grade="irrelevant")]
    rated = read_rated_pairs(write_lines("a.jsonl", *rows), SCALE)
    assert rated.graded[0].grade == 2
    assert rated.ratings == {PAIR: (0, 0, 0, 1)}
    twice = write_lines("b.jsonl", rows[0], row(ratings="1|1", grade="weak"))
    assert faults_of(twice) == [
        ":2: grade: expected one grade for query_id 'q1' and item_id 'i1', received 1 and, in line 1, 2"
    ]


def test_a_rater_counts_once_and_must_not_contradict_herself(write_lines):
    rows = [row(grade="weak", rater="ann"), row(grade="weak", rater="ann"), row(grade="strong", rater=7)]
    assert read_rated_pairs(write_lines("a.jsonl", *rows), SCALE).ratings == {PAIR: (1, 2)}
    assert faults_of(write_lines("b.jsonl", *rows, row(grade="irrelevant", rater="ann"))) == [
        ":4: grade: expected one grade for query_id 'q1' and item_id 'i1' by rater 'ann', "
        "received 0 and, in line 1, 1"
    ]


def test_wrong_ratings_are_told_with_their_line(write_lines):
    path = write_lines("a.jsonl", row(ratings="weak|great"), row(OTHER, ratings=[["weak"]]), row(ratings=""))
    first, second, third = faults_of(path)
    assert first.startswith(":1: ratings: unknown grade 'great'")
    assert second.startswith(":2: ratings: expected a grade of irrelevant, weak, strong, received list")
    assert third == ":3: grade: expected a grade, received a row without one"


def test_neither_grades_nor_ratings_is_a_fault_of_the_file(write_lines):
    assert faults_of(write_lines("a.jsonl", row())) == [
        ": grade: expected a column of this name, received the columns item, item_id, query, query_id"
    ]


def test_unless_they_are_asked_for_ratings_are_not_read(write_lines):
    path = write_lines("a.jsonl", row(grade="weak", ratings="no grades"), row(OTHER, grade=2, ratings=4.5))
    assert [one.grade for one in read_graded_pairs(path, SCALE)] == [1, 2]
    assert read_graded_pairs(path, SCALE, item_fields=["ratings"])[1].pair.field("ratings") == "4.5"
    with pytest.raises(ConfigError, match="'ratings' is read anyway"):
        read_rated_pairs(path, SCALE, item_fields=["ratings"])


def test_a_pool_may_be_rated_too(write_lines):
    path = write_lines("a.jsonl", row(grade="weak"), row(OTHER), row(grade="strong"), row(grade="strong"))
    assert read_pool(path, SCALE, ratings=True) == ([PAIR, OTHER], [2, None])


def test_records_keep_their_lines_and_their_disagreements(write_lines):
    path = write_lines("a.jsonl", row(grade="weak"), row(grade="strong"), row(OTHER, grade=0))
    assert [(one.line, one.grade) for one in read_records(path, SCALE)] == [(1, 1), (2, 2), (3, 0)]
    assert [(one.line, one.ratings) for one in read_records(path, SCALE, ratings=True)] == [
        (1, (1, 2)),
        (3, ()),
    ]
    ungraded = write_lines("b.jsonl", row())
    assert read_records(ungraded, SCALE, graded=False)[0].grade is None
    with pytest.raises(DataError, match="grade"):
        read_records(ungraded, SCALE)
