"""Pairs read a shard at a time: the same pairs, the same faults, and little memory."""

from __future__ import annotations

import gc
import gzip
import json
import os
import tracemalloc

import pytest

from darl.data.files import PIPE, read_rows, write_rows
from darl.data.readers import read_pairs
from darl.data.stream import KEPT_FAULTS, PairStream, Survey, input_files
from darl.errors import ConfigError, DataError
from darl.pairs import Pair
from darl.progress import Silent


def rows(n, start=0):
    return [{"query": f"shoes {i // 3}", "item": f"boots {i}", "brand": "Acme"} for i in range(start, n)]


def lines(path, *written):
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in written))
    return path


def stream(path, **options):
    return PairStream(input_files(path), **options)


def failed(path, bad_rows=None, **options):
    with pytest.raises(DataError) as caught:
        stream(path, **options).survey(bad_rows)
    return caught.value


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet"])
def test_shards_are_the_file_cut_in_pieces(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_rows(path, rows(11))
    one = stream(path, item_fields=["brand"], size=4)
    assert one.survey() == Survey(11, 0)
    for _ in range(2):  # as often as they are wanted
        shards = list(one)
        assert [len(shard) for shard in shards] == [4, 4, 3]
        assert [pair for shard in shards for pair in shard] == read_pairs(path, item_fields=["brand"])


@pytest.mark.parametrize("size", [1, 5, 10, 99])
def test_a_folder_is_its_files_by_name(tmp_path, size):
    write_rows(tmp_path / "b.csv", rows(7, start=4))
    write_rows(tmp_path / "a.parquet", rows(4))
    write_rows(tmp_path / "c.jsonl.gz", rows(10, start=7))
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".a.parquet.crc").write_bytes(b"x")
    one = stream(tmp_path, size=size)
    assert one.survey() == Survey(10, 0)
    shards = list(one)
    assert [pair.item for shard in shards for pair in shard] == [f"boots {i}" for i in range(10)]
    assert {len(shard) for shard in shards[:-1]} <= {size}


def test_an_empty_part_is_no_fault_but_nothing_at_all_is(tmp_path):
    lines(tmp_path / "a.jsonl")
    assert "expected rows, received none" in str(failed(tmp_path))
    lines(tmp_path / "b.jsonl", *rows(2))
    assert stream(tmp_path).survey() == Survey(2, 0)


def test_what_cannot_be_read_twice_or_at_all_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="empty one"):
        input_files(tmp_path)
    os.mkfifo(tmp_path / "pipe.jsonl")
    for pipe in (tmp_path / "pipe.jsonl", PIPE):
        with pytest.raises(ConfigError, match="cannot be read twice"):
            input_files(pipe)
    with pytest.raises(ConfigError, match="received none"):
        input_files(tmp_path / "nowhere.jsonl")
    (tmp_path / "more").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError) as caught:
        input_files(tmp_path)
    assert len(caught.value.faults) == 3  # the pipe, the folder and the text, told together


def test_a_size_is_at_least_one():
    with pytest.raises(ConfigError, match="received 0"):
        PairStream([], size=0)


def test_the_first_hundred_faults_are_listed_and_all_are_counted(tmp_path):
    lines(tmp_path / "a.jsonl", *rows(1), *({"query": "", "item": "x"} for _ in range(70)))
    lines(tmp_path / "b.jsonl", *rows(1), *("{" for _ in range(60)))
    error = failed(tmp_path)
    assert (len(error.faults), error.total) == (KEPT_FAULTS, 130)
    message = str(error)
    assert "(130 faults)" in message
    assert message.count("\n  - ") == KEPT_FAULTS
    assert message.endswith("... and 30 more")
    assert "a.jsonl:71: query:" in message
    assert "b.jsonl:2:" in message


def test_faults_of_a_file_stand_in_the_order_of_its_lines(tmp_path):
    wrong = [{"query": 1, "item": "x"}, {"query": "x", "item": 1}] * 70
    error = failed(lines(tmp_path / "a.jsonl", *wrong))
    assert [fault.line for fault in error.faults] == list(range(1, KEPT_FAULTS + 1))


def test_few_faults_are_the_same_as_those_of_the_whole_file(tmp_path):
    path = lines(tmp_path / "a.jsonl", *rows(3), "{", {"query": 3, "item": "x"}, {"query": "q"})
    with pytest.raises(DataError) as whole:
        read_pairs(path)
    assert str(failed(path)) == str(whole.value)


def test_a_missing_column_is_told_once_a_file(tmp_path):
    for name in "ab":
        lines(tmp_path / f"{name}.jsonl", *({"query": f"q{i}", "text": "t"} for i in range(200)))
    lines(tmp_path / "c.jsonl", {"query": "q", "item": "i"}, {"query": "q"})
    error = failed(tmp_path, tmp_path / "bad.jsonl")
    assert [(fault.file[-7:], fault.line, fault.field) for fault in error.faults] == [
        ("a.jsonl", 0, "item"),
        ("b.jsonl", 0, "item"),
        ("c.jsonl", 2, "item"),
    ]
    assert not (tmp_path / "bad.jsonl").exists()


def test_damaged_files_are_told_together(tmp_path):
    whole = gzip.compress("".join(json.dumps(row) + "\n" for row in rows(50)).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-20])
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    lines(tmp_path / "c.jsonl", "{")
    faults = [str(fault) for fault in failed(tmp_path).faults]
    assert ["whole gzip" in faults[0], "whole Parquet" in faults[1], "JSON" in faults[2]] == [True] * 3
    assert len(faults) == 3


def test_bad_rows_are_set_aside_once_and_left_out(tmp_path, told):
    (tmp_path / "in").mkdir()
    lines(tmp_path / "in" / "a.jsonl", *rows(2), "{oops")
    lines(tmp_path / "in" / "b.jsonl", {"query": "", "item": "x"}, *rows(2))
    one, aside = stream(tmp_path / "in", size=3), tmp_path / "bad.jsonl"
    assert one.survey(aside, told) == Survey(4, 2)
    entries = [(row.values["file"][-7:], row.values["line"]) for row in read_rows(aside)]
    assert entries == [("a.jsonl", 3), ("b.jsonl", 1)]
    assert [len(shard) for shard in one] == [3, 1]
    assert told.messages == [f"{tmp_path / 'in'} (2 files): 2 bad rows set aside in {aside}"]


def test_setting_aside_does_not_excuse_a_file_without_a_good_row(tmp_path):
    path = lines(tmp_path / "a.jsonl", "{", "{")
    assert "some good rows" in str(failed(path, tmp_path / "bad.jsonl"))
    assert not (tmp_path / "bad.jsonl").exists()


def test_rows_are_compared_within_a_shard(tmp_path):
    said = [{"query_id": "q", "query": query, "item": "i"} for query in ("shoes", "shoes", "hats")]
    path = lines(tmp_path / "a.jsonl", *said)
    assert "and, in line 1, 'shoes'" in str(failed(path, size=3))
    one = stream(path, size=2)
    assert one.survey() == Survey(3, 0)
    assert [pair.query for shard in one for pair in shard] == ["shoes", "shoes", "hats"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_both_passes_agree_on_what_is_bad(tmp_path, size):
    names = ["shoes", "shoes", "hats", "coats", "hats", "hats", "shoes", "belts", "shoes"]
    path = lines(
        tmp_path / "a.jsonl",
        *({"query_id": f"q{i % 2}", "query": name, "item": "i"} for i, name in enumerate(names)),
    )
    one = stream(path, size=size)
    survey = one.survey(tmp_path / "bad.jsonl")
    assert survey.pairs == sum(len(shard) for shard in one)
    assert survey.pairs + survey.bad_rows == len(names)


class Advanced(Silent):
    """Adds up."""

    def __init__(self):
        self.total = self.done = 0.0

    def start(self, task, total, unit):
        self.total = total

    def advance(self, n):
        self.done += n


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".csv"])
def test_the_survey_advances_by_the_bytes_it_reads(tmp_path, suffix):
    write_rows(tmp_path / f"a{suffix}", rows(100))
    write_rows(tmp_path / f"b{suffix}", rows(100))
    progress = Advanced()
    stream(tmp_path).survey(progress=progress)
    assert progress.done == progress.total == sum(one.stat().st_size for one in tmp_path.iterdir())


def living_pairs():
    return sum(type(one) is Pair for one in gc.get_objects())


def test_one_shard_is_alive_at_a_time(tmp_path):
    write_rows(tmp_path / "a.jsonl", rows(1000))
    alive, others = [], living_pairs()
    for shard in stream(tmp_path, size=100):
        alive.append(living_pairs() - others)
        del shard
    assert len(alive) == 10
    assert max(alive) <= 101  # and the one just read


def peak(path):
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="8000 faults"):
            stream(path, size=500).survey()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_the_survey_keeps_nothing(tmp_path, suffix):
    """Neither pairs, nor faults, nor what rows say of each other, of 16,000 rows, half of them bad."""
    path = tmp_path / f"a{suffix}"
    write_rows(path, ({"query": f"{i} " + "x" * 1000, "item": "i" * (i % 2)} for i in range(16_000)))
    assert peak(path) < 10 * 2**20
