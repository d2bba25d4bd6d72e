from __future__ import annotations

import gzip

import pytest

from darl.data.trec import read
from darl.errors import ConfigError, DataError

QRELS = "1 0 D1 3\n1 Q0 D2 0\n2\t0\tD1\t1\n\n2 0 D9 2\n"
QUERIES = "1\twhat is ordinal regression\n2\tcoral reef\n3\tnever judged\n"
DOCUMENTS = "D1\tOrdinal regression predicts ordered grades.\nD2\tA reef.\nD3\tNever judged.\n"


@pytest.fixture
def folder(tmp_path):
    for name, text in {"qrels.txt": QRELS, "queries.tsv": QUERIES, "documents.tsv": DOCUMENTS}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def keys(graded) -> list[tuple[str, str, int]]:
    return [(one.pair.query_id, one.pair.item_id, one.grade) for one in graded]


def test_judgements_and_texts_are_joined(folder, told):
    graded = read(folder, progress=told)
    assert keys(graded) == [("1", "D1", 2), ("1", "D2", 0), ("2", "D1", 1)]
    assert graded[0].pair.query == "what is ordinal regression"
    assert graded[0].pair.item == "Ordinal regression predicts ordered grades."
    assert told.messages == ["trec: 1 judgements without the text of their query or document left out"]


def test_the_beir_layout_is_read(tmp_path, write_lines):
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tD1\t2\n1\tD2\t1\n")
    write_lines("queries.jsonl", {"_id": "1", "text": "reef", "metadata": {}})
    write_lines(
        "corpus.jsonl.gz", {"_id": "D1", "title": "Coral", "text": "A reef."}, {"_id": "D2", "text": "x"}
    )
    graded = read(tmp_path, qrels="test.tsv", queries="queries.jsonl", documents="corpus.jsonl.gz")
    assert keys(graded) == [("1", "D1", 2), ("1", "D2", 1)]
    assert [one.pair.item for one in graded] == ["Coral A reef.", "x"]


def test_the_ms_marco_documents_are_read(folder):
    (folder / "documents.tsv.gz").write_bytes(
        gzip.compress(b"D1\thttp://x\tCoral\tA reef.\nD2\thttp://y\t\tx\n")
    )
    columns = ("id", "url", "title", "body")
    graded = read(folder, documents="documents.tsv.gz", document_columns=columns)
    assert [one.pair.item for one in graded] == ["Coral A reef.", "x", "Coral A reef."]


def test_labels_mean_what_the_map_says(folder):
    labels = {"0": 0, "1": "irrelevant", 2: "weak", 3: "strong"}
    assert [grade for _, _, grade in keys(read(folder, labels=labels))] == [2, 0, 0]


def test_all_wrong_lines_are_told_together(folder):
    (folder / "qrels.txt").write_text("1 0 D1 3\n1 0 D1\textra x 1\n1 0 D2 -2\n1 0 D2 high\n1 D2 1.5\n")
    with pytest.raises(DataError) as caught:
        read(folder)
    assert [fault.line for fault in caught.value.faults] == [2, 3, 4, 5]
    assert "expected a label of 0, 1, 2, 3 (see `labels`), received -2" in caught.value.faults[1].message


@pytest.mark.parametrize("labels", [{"high": "strong"}, {1: "best"}, {1: 7}])
def test_a_label_map_must_lead_to_grades(folder, labels):
    with pytest.raises(ConfigError, match="labels"):
        read(folder, labels=labels)


def test_texts_with_too_many_cells_are_told(folder):
    (folder / "documents.tsv").write_text(DOCUMENTS + "D9\ta\tb\n")
    with pytest.raises(DataError, match=r"documents\.tsv:4: expected 2 cells \(id, text\), received 3"):
        read(folder)


def test_json_texts_without_an_id_are_told(folder, write_lines):
    write_lines("corpus.jsonl", {"text": "x"}, "{")
    with pytest.raises(DataError, match="2 faults"):
        read(folder, documents="corpus.jsonl")


def test_texts_that_are_not_utf8_are_told(folder):
    (folder / "queries.tsv").write_bytes(b"1\t\xff\n")
    with pytest.raises(DataError, match=r"queries\.tsv:1: expected UTF-8"):
        read(folder)
