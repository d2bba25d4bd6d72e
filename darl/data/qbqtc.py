"""QBQTC: Chinese web search in QQ Browser; 205,000 labelled query-title pairs.

QQ Browser Query Title Corpus, https://github.com/CLUEbenchmark/QBQTC; the owner states no licence. JSON lines
{"id", "query", "title", "label"}, label "0" (hardly relevant), "1" (somewhat), "2" (very relevant). Early
versions of the files have "relevant" for "label" and no id. The id numbers the rows, not the queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from darl.data.cells import Cells, made_item_id, made_query_id
from darl.data.files import reading
from darl.data.jsonl import scan_jsonl
from darl.data.public import SCALE, LeftOut, chosen, settle, sources
from darl.data.rows import BadRow, Row
from darl.errors import DataError, Fault
from darl.pairs import GradedPair, Pair
from darl.progress import SILENT, Progress

PARTS = ("train", "dev", "test_public")


def read(folder: Path, *, parts: Sequence[str] = PARTS, progress: Progress = SILENT) -> list[GradedPair]:
    """The graded pairs of the labelled parts: 0 is irrelevant, 1 weak, 2 strong.

    Ids are made from the texts. The parts share queries, so divide the result by query instead of by part.

    Args:
        folder: Where train.json, dev.json and test_public.json are.
        parts: Those of `PARTS` to read.
        progress: Is told what was merged.

    Raises:
        ConfigError: An unknown part.
        DataError: A file is missing, or rows are not in the source's format (all are listed).
    """
    for part in parts:
        chosen("parts", part, PARTS)
    left_out, faults = LeftOut(), list[Fault]()
    paths = sources(folder, [f"{part}.json" for part in parts], "qbqtc")
    graded = settle((one for path in paths for one in _pairs(path, faults)), left_out)
    if faults:
        raise DataError("reading qbqtc", faults)
    left_out.tell(progress, "qbqtc")
    return graded


def _pairs(path: Path, faults: list[Fault]) -> Iterator[GradedPair]:
    with reading(path), path.open("rb") as handle:
        for row in scan_jsonl(handle, str(path)):
            graded = row.faults if isinstance(row, BadRow) else _pair(row, str(path))
            if isinstance(graded, GradedPair):
                yield graded
            else:
                faults += graded


def _pair(row: Row, file: str) -> GradedPair | list[Fault]:
    cells = Cells(row)
    query, title = cells.text("query"), cells.text("title")
    label = "label" if "label" in row.values else "relevant"
    grade = cells.grade(label, SCALE)
    if grade is not None and not cells.faults:
        return GradedPair(Pair(made_query_id(query), query, made_item_id(title), title), grade)
    found = cells.faults or [("label", "expected 0, 1 or 2, received a row without it")]
    return [Fault(file, row.line, field, message) for field, message in found]
