from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darl.data.files import PIPE, SUFFIXES, read_rows, scan_rows, suffix_of, write_rows
from darl.data.rows import BadRow
from darl.errors import ConfigError, DataError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(st.fixed_dictionaries({"query": TEXT, 'item, "so"': TEXT}), min_size=1, max_size=6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(rows=ROWS)
def test_texts_are_read_as_they_were_written(tmp_path, suffix, rows):
    path = tmp_path / f"a{suffix}"
    assert write_rows(path, rows) == len(rows)
    assert [dict(row.values) for row in read_rows(path)] == rows


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nested_values_survive_or_become_json_text(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_rows(path, [{"path": ["Home", "Küche"], "n": 1}, {"path": [], "n": 2}])
    values = [row.values["path"] for row in read_rows(path)]
    if suffix.startswith(".csv"):
        values = [json.loads(value) for value in values]
    assert values == [["Home", "Küche"], []]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_rows_give_equal_bytes_and_columns_in_the_first_rows_order(tmp_path, suffix):
    rows = [{"z": "1", "a": "2"}, {"a": "3", "z": "4"}]
    for name in ("one", "two"):
        write_rows(tmp_path / (name + suffix), rows)
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()
    assert list(read_rows(tmp_path / f"one{suffix}")[0].values) == ["z", "a"]


def test_a_gzip_header_tells_no_time_and_no_name(tmp_path):
    write_rows(tmp_path / "a.jsonl.gz", [{"a": 1}])
    header = (tmp_path / "a.jsonl.gz").read_bytes()[:8]
    assert header[3] == 0
    assert header[4:8] == bytes(4)


def test_a_parquet_column_that_begins_without_values_finds_its_type(tmp_path, monkeypatch):
    monkeypatch.setattr("darl.data.parquet.WRITTEN_ROWS", 1)
    write_rows(tmp_path / "a.parquet", [{"a": None}, {"a": "x", "b": 1}, {"a": "y", "b": 0.5}])
    values = [dict(row.values) for row in read_rows(tmp_path / "a.parquet")]
    assert values == [{"a": None, "b": None}, {"a": "x", "b": 1.0}, {"a": "y", "b": 0.5}]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numpy_values_are_written_as_numbers(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_rows(path, [{"score": np.float64(0.5), "grade": np.int64(2)}])
    assert {key: float(value) for key, value in read_rows(path)[0].values.items()} == {
        "score": 0.5,
        "grade": 2,
    }


@pytest.mark.parametrize("name", ["a.txt", "a", "a.json", "a.parquet.gz", "a.jsonl.zip"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    for use in (suffix_of, read_rows, lambda path: write_rows(path, [])):
        with pytest.raises(ConfigError, match=r"\.jsonl, \.jsonl\.gz, \.csv, \.csv\.gz, \.parquet"):
            use(tmp_path / name)


def test_lines_that_cannot_be_decoded_cost_only_themselves(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 2',
        b"",
        b'{"a": "\xff"}',
        b"[1]",
        b"[" * 100_000,
        b'{"a": 3}\r',
    ]
    path.write_bytes(b"\n".join(lines))
    rows = list(scan_rows(path))
    assert [row.values["a"] for row in rows if not isinstance(row, BadRow)] == [1, 3]
    assert [row.line for row in rows] == [1, 2, 4, 5, 6, 7]
    messages = [str(fault) for row in rows if isinstance(row, BadRow) for fault in row.faults]
    assert "a.jsonl:2: expected a JSON object, received invalid JSON" in messages[0]
    assert "expected UTF-8, received byte 0xff at byte 8" in messages[1]
    assert "expected a JSON object, received list" in messages[2]
    with pytest.raises(DataError) as caught:
        read_rows(path)
    assert [fault.line for fault in caught.value.faults] == [2, 4, 5, 6]


def test_csv_records_that_are_wrong_cost_only_themselves(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        b'\xef\xbb\xbfquery,item\n"two\nlines",x\n\nonly one\na,b,c\n\xff,y\n"a"b,c\nlast,z\n"open,q\nw'
    )
    rows = list(scan_rows(path))
    good = [(row.line, dict(row.values)) for row in rows if not isinstance(row, BadRow)]
    assert good == [(2, {"query": "two\nlines", "item": "x"}), (9, {"query": "last", "item": "z"})]
    bad = [(row.line, row.raw, row.faults[0].message) for row in rows if isinstance(row, BadRow)]
    assert [line for line, _, _ in bad] == [5, 6, 7, 8, 10]
    assert bad[0][1:] == ("only one", "expected 2 cells as in the header, received 1")
    assert bad[1][2] == "expected 2 cells as in the header, received 3"
    assert "UTF-8" in bad[2][2]
    assert "well-formed CSV" in bad[3][2]
    assert bad[4][1] == '"open,q\nw'


def test_a_cell_may_be_longer_than_pythons_own_limit(tmp_path):
    write_rows(tmp_path / "a.csv", [{"item": "x" * 200_000}])
    assert len(read_rows(tmp_path / "a.csv")[0].values["item"]) == 200_000


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("query,,item", "a name for each column"),
        ("a,b,a", "a: expected each column once"),
        ('"a', "a header line"),
    ],
)
def test_a_header_must_name_each_column_once(tmp_path, header, message):
    (tmp_path / "a.csv").write_text(header)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / "a.csv")


def test_parquet_reads_only_the_columns_that_are_needed(tmp_path):
    pq.write_table(pa.table({"query": ["a"], "big": [b"x"], "item": ["b"]}), tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet", ["item", "query", "other"])[0].values == {
        "query": "a",
        "item": "b",
    }


def test_parquet_rows_are_numbered_across_batches(tmp_path):
    write_rows(tmp_path / "a.parquet", ({"n": n} for n in range(70_000)))
    rows = read_rows(tmp_path / "a.parquet")
    assert all(row.line == row.values["n"] + 1 for row in rows)
    assert len(rows) == 70_000


def test_what_is_not_there_or_damaged_says_so(tmp_path):
    whole = gzip.compress(b'{"a": 1}\n' * 1000)
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-20])
    (tmp_path / "plain.jsonl.gz").write_bytes(b'{"a": 1}\n')
    write_rows(tmp_path / "whole.parquet", [{"a": 1}])
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:-10])
    (tmp_path / "lfs.parquet").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "folder.jsonl").mkdir()
    for name, message in {
        "none.jsonl": "no such file",
        "none.parquet": "no such file",
        "folder.jsonl": "received a folder",
        "cut.jsonl.gz": "cut short or altered",
        "plain.jsonl.gz": "expected a gzip file",
        "cut.parquet": "expected a whole Parquet file",
        "lfs.parquet": "git lfs pull",
    }.items():
        with pytest.raises(DataError, match=message) as caught:
            read_rows(tmp_path / name)
        assert caught.value.faults[0].file == str(tmp_path / name)


def test_the_pipe_is_jsonl(monkeypatch, capfdbinary):
    assert write_rows(PIPE, [{"a": "é"}]) == 1
    assert capfdbinary.readouterr().out == '{"a": "é"}\n'.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 1}\nx\n')))
    first, second = scan_rows(PIPE)
    assert not isinstance(first, BadRow)
    assert isinstance(second, BadRow)
    assert str(second.faults[0]).startswith("-:2: ")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.jsonl", [{"a": float("nan")}]),
        ("a.jsonl", [{"a": object()}]),
        ("a.csv", [{"a": 1}, {"a": 1, "b": 2}]),
        ("a.parquet", [{"a": 1}, {"a": "x"}]),
    ],
)
def test_a_value_that_the_format_has_not_leaves_no_file(tmp_path, name, rows):
    with pytest.raises(DataError, match="writing"):
        write_rows(tmp_path / name, rows)
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_breaks_midway_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.jsonl"
    write_rows(path, [{"a": "old"}])

    def rows():
        yield {"a": "new"}
        raise DataError("source", [])

    with pytest.raises(DataError, match="source"):
        write_rows(path, rows())
    assert read_rows(path)[0].values == {"a": "old"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_a_data_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="writing"):
        write_rows(tmp_path / "file" / "a.jsonl", [{"a": 1}])


def test_half_a_surrogate_pair_is_kept_as_its_escape(tmp_path):
    write_rows(tmp_path / "a.jsonl", [{"a": "\ud800"}])
    assert (tmp_path / "a.jsonl").read_bytes() == b'{"a": "\\ud800"}\n'


def test_writing_nothing_gives_an_empty_file(tmp_path):
    for suffix in SUFFIXES:
        path = Path(tmp_path / f"a{suffix}")
        assert write_rows(path, []) == 0
        assert read_rows(path) == []
