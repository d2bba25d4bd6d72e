from __future__ import annotations

import pytest

from darl.data.convert import PUBLIC_READERS, convert, reader_options
from darl.data.get import PUBLIC
from darl.data.public import SCALE
from darl.data.qbqtc import read
from darl.data.readers import read_graded_pairs
from darl.errors import ConfigError, DataError


@pytest.fixture
def folder(write_lines):
    rows = [{"query": f"q{i}", "title": f"t{i}", "label": str(i % 3)} for i in range(6)]
    for part in ("dev", "test_public", "train"):
        path = write_lines(f"{part}.json", *rows, {"query": part, "title": "t", "label": "0"})
    return path.parent


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".csv", ".parquet"])
def test_a_public_corpus_becomes_the_common_format(folder, suffix, told):
    out = folder / f"out{suffix}"
    assert convert("qbqtc", folder, out, progress=told) == 9
    assert read_graded_pairs(out, SCALE) == read(folder)
    assert told.messages == ["qbqtc: 12 repeated judgements of a pair merged into one"]


def test_options_reach_the_reader(folder):
    assert convert("qbqtc", folder, folder / "out.csv", options={"parts": ["dev"]}) == 7


def test_unknown_options_are_all_told(folder):
    with pytest.raises(ConfigError) as caught:
        convert("qbqtc", folder, folder / "out.csv", options={"a": 1, "b": 2})
    assert caught.value.faults == tuple(f"qbqtc has no option {key!r}: expected parts" for key in "ab")


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("qbqtc", {"parts": "dev"}, "parts: expected a list of texts, received 'dev'"),
        ("qbqtc", {"parts": [1]}, "parts: expected a list of texts"),
        ("esci", {"locale": 3}, "locale: expected a text, received 3"),
        ("trec", {"labels": ["weak"]}, "labels: expected a mapping"),
    ],
)
def test_options_of_another_kind_are_told(tmp_path, name, options, expected):
    with pytest.raises(ConfigError, match=expected):
        convert(name, tmp_path, tmp_path / "out.csv", options=options)


def test_an_unknown_corpus_or_suffix_is_told_before_anything_is_read(tmp_path):
    with pytest.raises(ConfigError, match="expected one of esci, qbqtc, trec, wands, received 'msmarco'"):
        convert("msmarco", tmp_path, tmp_path / "out.csv")
    with pytest.raises(ConfigError, match=r"\.parquet"):
        convert("qbqtc", tmp_path, tmp_path / "out.txt")


def test_a_corpus_that_is_not_there_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="of the qbqtc corpus"):
        convert("qbqtc", tmp_path, tmp_path / "out.csv")


@pytest.mark.parametrize("name", PUBLIC_READERS)
def test_every_reader_has_options_with_defaults(name):
    assert reader_options(name)
    assert not {"folder", "progress"} & reader_options(name).keys()


def test_whatever_can_be_fetched_can_be_converted():
    assert set(PUBLIC) <= set(PUBLIC_READERS)
