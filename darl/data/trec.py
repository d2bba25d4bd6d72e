"""TREC test collections: judgements (qrels), query texts and document texts in three files.

Qrels are lines "query_id iteration document_id label" (trec_eval); BEIR's variant (Thakur et al., 2021,
arXiv:2104.08663), "query-id corpus-id score" under a header line, is read too. Texts are lines
"id <tab> text" as in MS MARCO, or JSON lines with an id and a text as in BEIR. All may be gzipped.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, cast

from darl.data.files import reading
from darl.data.jsonl import scan_jsonl
from darl.data.public import SCALE, LeftOut, settle, sources
from darl.data.rows import BadRow
from darl.errors import ConfigError, DataError, Fault, UnknownGradeError
from darl.pairs import GradedPair, Pair
from darl.progress import SILENT, Progress

LABELS: Mapping[int, str] = MappingProxyType({0: "irrelevant", 1: "weak", 2: "strong", 3: "strong"})
IDS = ("_id", "id", "query_id", "qid", "doc_id", "docid", "docno", "pid")
TEXTS = ("title", "text", "query", "contents", "passage", "body")


class _Qrel(NamedTuple):
    query_id: str
    item_id: str
    grade: int


def read(
    folder: Path,
    *,
    qrels: str = "qrels.txt",
    queries: str = "queries.tsv",
    documents: str = "documents.tsv",
    labels: Mapping[Any, str | int] = LABELS,
    document_columns: Sequence[str] = ("id", "text"),
    progress: Progress = SILENT,
) -> list[GradedPair]:
    """The judged pairs. Of the documents only the judged ones are kept in memory.

    A document's text is its title, where it has one, and its text, joined by a space, as BEIR does.

    Args:
        folder: Where the files are.
        qrels: The judgements.
        queries: Query texts, .tsv or .jsonl (also .gz).
        documents: Document texts, .tsv or .jsonl (also .gz).
        labels: Label to grade (name or index), for every label in the qrels.
        document_columns: What the columns of a .tsv of documents are; those named in `TEXTS` are the text.
            MS MARCO documents have ("id", "url", "title", "body").
        progress: Is told what was left out.

    Raises:
        ConfigError: A label that is no whole number, or a grade that does not exist.
        DataError: A file is missing or not in its format, or a label has no grade (all are listed).
    """
    grades = _grades(labels)
    qrel_file, query_file, document_file = sources(folder, (qrels, queries, documents), "trec")
    judged = list(_qrels(qrel_file, grades))
    texts = _texts(query_file, {one.query_id for one in judged}, ("id", "text"))
    items = _texts(document_file, {one.item_id for one in judged}, document_columns)
    left_out = LeftOut()
    graded = settle(_judgements(judged, texts, items, left_out), left_out)
    left_out.tell(progress, "trec")
    return graded


def _grades(labels: Mapping[Any, str | int]) -> dict[int, int]:
    grades, faults = {}, []
    for label, grade in labels.items():
        try:
            grades[int(label)] = SCALE.index(grade)
        except (ValueError, TypeError, UnknownGradeError) as error:
            faults.append(f"labels: {label!r}: {error}")
    if faults:
        raise ConfigError("trec", faults)
    return grades


def _judgements(
    judged: Sequence[_Qrel], queries: Mapping[str, str], items: Mapping[str, str], left_out: LeftOut
) -> Iterator[GradedPair]:
    for query_id, item_id, grade in judged:
        query, item = queries.get(query_id, ""), items.get(item_id, "")
        if query and item:
            yield GradedPair(Pair(query_id, query, item_id, item), grade)
        else:
            left_out.add("judgements without the text of their query or document left out")


def _qrels(path: Path, grades: Mapping[int, int]) -> Iterator[_Qrel]:
    faults: list[Fault] = []
    for line, cells in enumerate(_lines(path, None), start=1):
        qrel = _qrel(cells, grades)
        if isinstance(qrel, _Qrel):
            yield qrel
        elif cells and not (line == 1 and cells[-1] == "score"):
            faults.append(Fault(str(path), line, "", qrel))
    if faults:
        raise DataError("reading trec", faults)


def _qrel(cells: Sequence[str], grades: Mapping[int, int]) -> _Qrel | str:
    if len(cells) not in (3, 4):
        return f"expected query_id iteration document_id label, received {' '.join(cells)!r}"
    try:
        label = float(cells[-1])
    except ValueError:
        return f"expected a whole number as label, received {cells[-1]!r}"
    if label not in grades:
        return (
            f"expected a label of {', '.join(map(str, sorted(grades)))} (see `labels`), received {cells[-1]}"
        )
    return _Qrel(cells[0], cells[-2], grades[int(label)])


def _texts(path: Path, wanted: Collection[str], columns: Sequence[str]) -> dict[str, str]:
    """The texts of the wanted ids."""
    is_json = path.name.removesuffix(".gz").endswith((".jsonl", ".json"))
    texts = _json_texts(path) if is_json else _column_texts(path, columns)
    return {key: text for key, text in texts if key in wanted}


def _column_texts(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    faults = []
    for line, cells in enumerate(_lines(path, "\t"), start=1):
        if len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            yield row[columns[0]], _joined(row)
        elif cells:
            message = f"expected {len(columns)} cells ({', '.join(columns)}), received {len(cells)}"
            faults.append(Fault(str(path), line, "", message))
    if faults:
        raise DataError("reading trec", faults)


def _json_texts(path: Path) -> Iterator[tuple[str, str]]:
    faults: list[Fault] = []
    with reading(path), _opened(path) as handle:
        for row in scan_jsonl(handle, str(path)):
            key = (
                None
                if isinstance(row, BadRow)
                else next((row.values[k] for k in IDS if k in row.values), None)
            )
            if isinstance(row, BadRow):
                faults += row.faults
            elif key is None:
                faults.append(Fault(str(path), row.line, "", f"expected an id under one of {', '.join(IDS)}"))
            else:
                yield str(key), _joined(row.values)
    if faults:
        raise DataError("reading trec", faults)


def _joined(row: Mapping[str, Any]) -> str:
    texts = (row.get(name) for name in TEXTS)
    return " ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())


def _lines(path: Path, separator: str | None) -> Iterator[list[str]]:
    """The cells of each line; an empty list for a blank line."""
    with reading(path), _opened(path) as handle:
        for line, raw in enumerate(handle, start=1):
            try:
                text = raw.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                fault = Fault(str(path), line, "", f"expected UTF-8: {error}")
                raise DataError("reading trec", [fault]) from error
            yield text.split(separator) if text.strip() else []


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
