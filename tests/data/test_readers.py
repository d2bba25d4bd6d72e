from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from darl.data.files import read_rows, write_rows
from darl.data.readers import read_graded_pairs, read_pairs, read_pool
from darl.errors import ConfigError, DataError
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair

SCALE = GradeScale()
GOOD = {"query_id": "q1", "query": "shoes", "item_id": "i1", "item": "boots", "grade": "strong"}


def row(**changes: object) -> dict[str, object]:
    """A good row with some values changed, or (None) gone."""
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


def faults_of(path, **options) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_graded_pairs(path, SCALE, **options)
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet"])
def test_every_format_gives_the_same_pairs(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    rows = [row(domain="x", brand="Acme"), row(item_id="i2", grade="1", domain="", brand="")]
    write_rows(path, rows)
    assert read_graded_pairs(path, SCALE, item_fields=["brand"]) == [
        GradedPair(Pair("q1", "shoes", "i1", "boots", "x", (("brand", "Acme"),)), 2),
        GradedPair(Pair("q1", "shoes", "i2", "boots"), 1),
    ]
    assert [pair.item_id for pair in read_pairs(path)] == ["i1", "i2"]


def test_columns_that_are_not_asked_for_are_not_read(write_lines):
    (pair,) = read_pairs(write_lines("a.jsonl", row(grade="no grade at all", brand={"not": "text"})))
    assert pair == Pair("q1", "shoes", "i1", "boots")


def test_ids_are_made_from_the_texts_where_there_are_none(write_lines):
    rows = [
        row(query_id=None, item_id=None),
        row(query=" Shoes! ", query_id="", item_id=None),
        row(query="hat", query_id=None),
    ]
    one, two, three = read_pairs(write_lines("a.jsonl", *rows))
    assert one.query_id == two.query_id != three.query_id
    assert one.item_id == two.item_id
    assert (one.query, two.query) == ("shoes", " Shoes! ")


def test_made_ids_do_not_change_between_processes(write_lines):
    (pair,) = read_pairs(write_lines("a.jsonl", row(query_id=None, item_id=None)))
    # printf shoes | sha256sum, the first 16 digits
    assert pair.query_id == "q-01ea5ddd3be5477a"
    assert pair.item_id == "i-40cafc18e93464f8"


def test_ids_may_be_whole_numbers(write_lines):
    (pair,) = read_pairs(write_lines("a.jsonl", row(query_id=7, item_id=8)))
    assert (pair.query_id, pair.item_id) == ("7", "8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["Home", " ", None, "Kitchen"], "Home > Kitchen"),
        ('["Home", "Kitchen"]', "Home > Kitchen"),
        ("[New] boots", "[New] boots"),
        (12, "12"),
        ([1, 2.5], "1 > 2.5"),
        (None, ""),
        ("", ""),
        ([], ""),
        (float("nan"), ""),
    ],
)
def test_an_item_field_is_text_or_a_path(write_lines, value, text):
    path = write_lines("a.jsonl", {**GOOD, "extra": value}, row(item_id="i2", extra="x"))
    assert read_pairs(path, item_fields=["extra"])[0].field("extra") == text


def test_item_fields_keep_the_order_in_which_they_are_asked_for(write_lines):
    path = write_lines("a.jsonl", row(b="1", a="2"))
    assert read_pairs(path, item_fields=["a", "b"])[0].fields == (("a", "2"), ("b", "1"))


@pytest.mark.parametrize("fields", [["query"], ["brand", "brand"], ["grade"]])
def test_item_fields_are_extra_and_named_once(write_lines, fields):
    with pytest.raises(ConfigError, match="item_fields"):
        read_pairs(write_lines("a.jsonl", GOOD), item_fields=fields)


WRONG = {
    "no query": (row(query=None), "query: expected text, received a row without it"),
    "query null": ({**GOOD, "query": None}, "query: expected text, received NoneType None"),
    "query blank": (row(query=" \t"), "query: expected text, received an empty one"),
    "query a number": (row(query=2012), "query: expected text, received int 2012"),
    "query damaged": (row(query="\ud800"), "query: expected text, received half a surrogate pair"),
    "item a list": (row(item=["boots"]), "item: expected text, received list ['boots']"),
    "item id a list": (row(item_id=["i"]), "item_id: expected text, received list"),
    "query id a fraction": (row(query_id=1.5), "query_id: expected text, received float 1.5"),
    "query id true": (row(query_id=True), "query_id: expected text, received bool True"),
    "domain a number": (row(domain=3), "domain: expected text, received int 3"),
    "unknown grade": (row(grade="exact"), "grade: unknown grade 'exact': expected one of irrelevant, weak"),
    "grade true": (row(grade=True), "grade: unknown grade True"),
    "grade a list": (
        row(grade=["weak"]),
        "grade: expected a grade of irrelevant, weak, strong, received list",
    ),
    "no grade": (row(grade=None), "grade: expected a grade, received a row without one"),
    "blank grade": (row(grade=" "), "grade: expected a grade, received a row without one"),
    "field an object": (row(brand={"a": 1}), "brand: expected text or a list of texts, received dict"),
    "other grade": (
        row(grade="weak"),
        "grade: expected one grade for query_id 'q1' and item_id 'i1', received 1",
    ),
    "other query": (
        row(query="hats"),
        "query: expected one text for query_id 'q1', received 'hats' and, in line 1",
    ),
    "not json": ("{", "expected a JSON object, received invalid JSON"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_row_is_told_with_its_line_and_field(write_lines, case):
    wrong, message = WRONG[case]
    (fault,) = faults_of(write_lines("a.jsonl", row(brand="x"), wrong), item_fields=["brand"])
    assert fault.startswith(f":2: {message}")


def test_all_faults_are_told_together(write_lines):
    path = write_lines("a.jsonl", row(), *(wrong for wrong, _ in WRONG.values()))
    assert len(faults_of(path, item_fields=())) == len(WRONG) - 1


def test_one_row_can_have_several_faults(write_lines):
    faults = faults_of(write_lines("a.jsonl", GOOD, {"query": 1, "item": "", "grade": "x"}))
    assert [fault.split(": ")[1] for fault in faults] == ["query", "item", "grade"]


def test_a_missing_column_is_one_fault_of_the_file(write_lines):
    path = write_lines("a.jsonl", *({"query": f"q{i}", "text": "t"} for i in range(50)))
    assert faults_of(path, item_fields=["brand"]) == [
        ": item: expected a column of this name, received the columns query, text",
        ": grade: expected a column of this name, received the columns query, text",
        ": brand: expected a column of this name, received the columns query, text",
    ]


def test_a_missing_column_is_told_for_csv_and_parquet_too(tmp_path):
    for suffix in (".csv", ".parquet"):
        write_rows(tmp_path / f"a{suffix}", [{"query": "a", "grade": "weak"}])
        assert any("item: expected a column" in fault for fault in faults_of(tmp_path / f"a{suffix}"))


def test_a_csv_with_another_delimiter_shows_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("query;item;grade\na;b;weak\n")
    assert "received the columns query;item;grade" in faults_of(tmp_path / "a.csv")[0]


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_a_fault(write_lines, content, tmp_path):
    (tmp_path / "a.jsonl").write_text(content)
    assert faults_of(tmp_path / "a.jsonl") == [": expected rows, received an empty file"]
    (tmp_path / "a.csv").write_text("query,item,grade\n")
    assert faults_of(tmp_path / "a.csv") == [": expected rows, received an empty file"]


def test_spellings_of_one_query_may_share_an_id(write_lines):
    path = write_lines("a.jsonl", row(), row(query="Shoes", item_id="i2"))
    assert [one.pair.query for one in read_graded_pairs(path, SCALE)] == ["shoes", "Shoes"]


def test_an_equal_row_may_stand_twice(write_lines):
    assert len(read_graded_pairs(write_lines("a.jsonl", GOOD, GOOD), SCALE)) == 2


def test_bad_rows_are_set_aside_whole_and_counted(write_lines, tmp_path, told):
    path = write_lines("a.jsonl", GOOD, row(grade="weak"), "{oops", row(item_id="i2", item=" ", query=3))
    aside = tmp_path / "bad.jsonl"
    assert len(read_graded_pairs(path, SCALE, bad_rows=aside, progress=told)) == 1
    assert told.messages == [f"{path}: 3 bad rows set aside in {aside}"]
    first, second, third = (entry.values for entry in read_rows(aside))
    assert first["row"] == row(grade="weak")
    assert (first["file"], first["line"]) == (str(path), 2)
    assert second["row"] == "{oops"
    assert len(third["reasons"]) == 2
    assert third["reasons"][1] == "item: expected text, received an empty one"


def test_without_bad_rows_the_file_of_an_earlier_run_is_emptied(write_lines, tmp_path, told):
    aside = tmp_path / "bad.jsonl"
    aside.write_text("old\n")
    read_graded_pairs(write_lines("a.jsonl", GOOD), SCALE, bad_rows=aside, progress=told)
    assert aside.read_text() == ""
    assert told.messages == []


def test_setting_rows_aside_does_not_excuse_a_useless_file(write_lines, tmp_path):
    aside = tmp_path / "bad.jsonl"
    faults = faults_of(write_lines("a.jsonl", row(grade="x")), bad_rows=aside)
    assert faults[0] == ": expected some good rows, received none"
    assert any(
        "item: expected a column" in fault
        for fault in faults_of(write_lines("b.jsonl", {"query": "a", "grade": 1}), bad_rows=aside)
    )
    assert not aside.exists()


def test_rows_of_a_csv_that_cannot_be_read_are_set_aside_too(tmp_path):
    path, aside = tmp_path / "a.csv", tmp_path / "bad.jsonl"
    path.write_bytes(b"query,item,grade\na,b,weak\n\xff\xfe,b,weak\nc,d\n")
    assert len(read_graded_pairs(path, SCALE, bad_rows=aside)) == 1
    assert [json.loads(line)["row"] for line in aside.read_text().splitlines()] == [
        "\udcff\udcfe,b,weak",
        "c,d",
    ]


def test_a_pool_may_have_grades_on_some_rows(write_lines):
    path = write_lines("a.jsonl", GOOD, row(item_id="i2", grade=None), row(item_id="i3", grade=0))
    pairs, grades = read_pool(path, SCALE)
    assert [pair.item_id for pair in pairs] == ["i1", "i2", "i3"]
    assert grades == [2, None, 0]


def test_a_pool_may_have_no_grades_at_all(write_lines):
    assert read_pool(write_lines("a.jsonl", row(grade=None)), SCALE)[1] == [None]


def test_a_grade_that_is_there_must_be_right_even_in_a_pool(write_lines):
    with pytest.raises(DataError, match="unknown grade 'exact'"):
        read_pool(write_lines("a.jsonl", GOOD, row(item_id="i2", grade="exact")), SCALE)


def test_parquet_types_are_checked_like_any_other(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table(
        {"query": ["a", "b"], "item": [b"x", b"y"], "grade": [0.0, float("nan")], "query_id": [1, 2]}
    )
    pq.write_table(table, path)
    faults = faults_of(path)
    assert [fault.split(": ")[:2] for fault in faults] == [[":1", "item"], [":2", "item"], [":2", "grade"]]


def test_the_shared_data_reads_without_a_fault(shared_data):
    graded = read_graded_pairs(
        shared_data / "esci_us.jsonl.gz", SCALE, item_fields=["brand", "color", "category", "bullet_points"]
    )
    assert len(graded) == 4920
    assert len({one.pair.query_id for one in graded}) == 110
    assert any(" > " in one.pair.field("category") for one in graded)
