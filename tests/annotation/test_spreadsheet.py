import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.annotation.spreadsheet import Spreadsheet, read_grade
from darl.errors import AnnotationPending, DataError, UnknownGradeError
from darl.grades import GradeScale
from tests.annotation.made import PAIRS, SCALE, fill, read, write


@pytest.fixture
def sheet(tmp_path):
    """A sheet that was just written."""
    annotator = Spreadsheet(tmp_path / "rounds" / "1.csv", SCALE)
    with pytest.raises(AnnotationPending):
        annotator.annotate(PAIRS)
    return annotator


def test_asks_for_grades(tmp_path):
    path = tmp_path / "1.csv"
    with pytest.raises(AnnotationPending) as raised:
        Spreadsheet(path, SCALE).annotate(PAIRS)
    assert raised.value.path == path
    for part in ("5 pairs", "irrelevant (0), weak (1), strong (2)", "'grade'", "--resume", str(path)):
        assert part in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == ["1.csv"]


def test_columns(sheet):
    header, first, *_ = read(sheet.path)
    names = ["row", "query_id", "query", "item_id", "item", "domain"]
    assert header == [*names, "brand", "colour", "field grade", "'=field", "grade", "note"]
    assert first == ["1", *PAIRS[0][:5], "Ækte", "red", "", "", "", ""]
    assert sheet.path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_nothing_in_the_file_is_a_formula(sheet):
    cells = [cell for row in read(sheet.path) for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_round_trip(sheet, delimiter, encoding):
    fill(sheet.path, ["weak", "STRONG", " Irrelevant ", "2", "0"], delimiter=delimiter, encoding=encoding)
    assert sheet.annotate(PAIRS).tolist() == [1, 2, 0, 2, 0]


def test_an_unfinished_sheet_is_left_as_it_is(sheet):
    fill(sheet.path, ["weak", "", "strong", " ", "weak"])
    before = sheet.path.read_bytes()
    with pytest.raises(AnnotationPending, match=r"2 of 5 rows have no grade yet \(row 2, 4\)"):
        sheet.annotate(PAIRS)
    assert sheet.path.read_bytes() == before


def test_many_rows_without_a_grade_are_counted(tmp_path):
    pairs = [PAIRS[0]._replace(item_id=f"i{i}") for i in range(30)]
    for _ in range(2):
        with pytest.raises(AnnotationPending) as raised:
            Spreadsheet(tmp_path / "1.csv", SCALE).annotate(pairs)
    assert "30 of 30 rows have no grade yet (row 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...)" in str(raised.value)


def test_people_may_sort_add_and_blank(sheet):
    fill(sheet.path, ["0", "1", "2", "1", "0"])
    header, *rows = read(sheet.path)
    random.Random(0).shuffle(rows)
    grown = [[*row[::-1], "seen by two"] for row in [header, *rows]]
    grown[0][-1] = "reviewer"
    write(sheet.path, [*grown, [""] * 13, []])
    assert sheet.annotate(PAIRS).tolist() == [0, 1, 2, 1, 0]


def test_trailing_empty_cells_may_be_dropped(sheet):
    fill(sheet.path, ["0", "1", "", "1", "0"])
    write(sheet.path, [row[:-2] if row[-2:] == ["", ""] else row[:-1] for row in read(sheet.path)])
    with pytest.raises(AnnotationPending, match=r"1 of 5 rows have no grade yet \(row 3\)"):
        sheet.annotate(PAIRS)


def faults_of(sheet, records=None):
    if records is not None:
        write(sheet.path, records)
    with pytest.raises(DataError) as raised:
        sheet.annotate(PAIRS)
    assert all(fault.file == str(sheet.path) for fault in raised.value.faults)
    return [(fault.line, fault.field, fault.message) for fault in raised.value.faults]


def test_every_fault_is_listed(sheet):
    """Row 3 spans two lines, so that the rows after it are one line further down."""
    fill(sheet.path, ["weak", "great", "", "3", "weak"])
    header, *rows = read(sheet.path)
    rows[0][3] = "other"
    rows[4][0] = "99"
    faults = faults_of(sheet, [header, *rows, rows[1], ["", "q9"]])
    assert [fault[:2] for fault in faults] == [
        (2, "item_id"),
        (3, "grade"),
        (6, "grade"),
        (7, "row"),
        (8, "row"),
        (9, "row"),
        (0, "row"),
    ]
    messages = [fault[2] for fault in faults]
    assert messages[0] == "expected 'B07XYZ1234' in row 1, received 'other'"
    assert messages[1].startswith("unknown grade 'great': expected one of irrelevant, weak, strong")
    assert messages[3] == "expected 1 to 5, received '99'"
    assert messages[4] == "expected once, was on line 3 already, received '2'"
    assert messages[6] == "row 5 is missing (query_id 'q4', item_id '-7')"


@pytest.mark.parametrize("column", ["query_id", "query", "item_id", "item"])
def test_a_column_that_was_sorted_alone(sheet, column):
    fill(sheet.path, ["0"] * 5)
    header, *rows = read(sheet.path)
    at = header.index(column)
    moved = [row[at] for row in rows]
    for row, cell in zip(rows, moved[-2:] + moved[:-2], strict=True):
        row[at] = cell
    assert {fault[1] for fault in faults_of(sheet, [header, *rows])} == {column}


def test_a_sheet_of_other_pairs(sheet):
    fill(sheet.path, ["0"] * 5)
    with pytest.raises(DataError, match=r"1\.csv:2: query_id: expected 'q4' in row 1, received 'q1'"):
        sheet.annotate(PAIRS[::-1])


def test_a_removed_row(sheet):
    fill(sheet.path, ["0"] * 5)
    records = read(sheet.path)
    assert faults_of(sheet, records[:2] + records[3:])[0][2].startswith("row 2 is missing")


def test_missing_columns(sheet):
    records = [row[:-2] for row in read(sheet.path)]
    assert [fault[:2] for fault in faults_of(sheet, records)] == [(1, "grade")]


def test_a_repeated_column(sheet):
    fill(sheet.path, ["0"] * 5)
    header, *rows = read(sheet.path)
    header[-1] = "Grade"
    assert [fault[:2] for fault in faults_of(sheet, [header, *rows])] == [(1, "grade")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_is_named(sheet, encoding):
    pairs = PAIRS[:3]
    sheet.path.unlink()
    with pytest.raises(AnnotationPending):
        sheet.annotate(pairs)
    fill(sheet.path, ["0"] * 3, encoding=encoding, delimiter=";")
    ((line, _, message),) = faults_of(sheet)
    assert line == {"cp1252": 2, "utf-16": 1}[encoding]
    assert message.startswith("expected UTF-8, received the byte 0x")
    assert "save it as 'CSV UTF-8" in message


@pytest.mark.parametrize("content", ["", "\n\n", "just a line", "a,b\n1,2\n"])
def test_not_a_sheet(sheet, content):
    sheet.path.write_text(content)
    assert {fault[1] for fault in faults_of(sheet)} == {
        "row",
        "query_id",
        "query",
        "item_id",
        "item",
        "grade",
    }


def test_broken_quotes(sheet):
    sheet.path.write_text(sheet.path.read_text(encoding="utf-8-sig").replace('"Shoe,', '"Shoe" "'))
    ((line, _, message),) = faults_of(sheet)
    assert line == 2
    assert message.startswith("not a CSV file")


def test_a_folder_in_its_place(tmp_path):
    folder = Spreadsheet(tmp_path, SCALE)
    assert "cannot be read" in faults_of(folder)[0][2]


@given(st.sampled_from(SCALE.names), st.data())
def test_names_in_any_case_and_space(name, data):
    cased = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in name)
    assert read_grade(SCALE, f" {cased} ") == SCALE.names.index(name)


@pytest.mark.parametrize(
    ("names", "text", "grade"),
    [
        (("no", "yes"), "1", 1),
        (("no", "yes"), "1.0", 1),
        (("no", "No", "NO"), "No", 1),
        (("1", "2", "3"), "3", 2),
        (("-1", "0", "+1"), "1", 2),
        (("-1", "0", "+1"), "-1", 0),
        (("0", "0.5", "1"), "1", 2),
    ],
)
def test_meaning_of_a_cell(names, text, grade):
    assert read_grade(GradeScale(names), text) == grade


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("no", "yes"), "2"),
        (("no", "yes"), "ye"),
        (("no", "No", "yes"), "NO"),
        (("1", "2", "3"), "0"),
        (("no", "yes"), "nan"),
    ],
)
def test_cells_without_a_meaning(names, text):
    with pytest.raises(UnknownGradeError, match="unknown grade"):
        read_grade(GradeScale(names), text)


def test_only_names_are_offered_where_a_name_is_a_number(tmp_path):
    with pytest.raises(AnnotationPending, match="one of: 1, 2, 3;"):
        Spreadsheet(tmp_path / "1.csv", GradeScale(("1", "2", "3"))).annotate(PAIRS)
