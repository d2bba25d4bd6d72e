"""Pairs from a file in the common format; everything that is wrong with the file is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darl.data.cells import Cells, made_item_id, made_query_id
from darl.data.files import scan_rows, write_rows
from darl.data.rows import BadRow, Row
from darl.data.splits import normalise_query
from darl.errors import ConfigError, DataError, Fault
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair
from darl.progress import SILENT, Progress

DEFAULT_SCALE = GradeScale()
COLUMNS = ("query_id", "query", "item_id", "item", "domain", "grade")


class Wanted(NamedTuple):
    """What is read from each row.

    Attributes:
        item_fields: Names of further item fields.
        scale: The grades; None where grades are not read.
        grade_required: Whether a row without a grade is at fault.
    """

    item_fields: tuple[str, ...]
    scale: GradeScale | None
    grade_required: bool

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that the file must have."""
        return ("query", "item", *(["grade"] if self.grade_required else []), *self.item_fields)


class Record(NamedTuple):
    """One good row."""

    pair: Pair
    grade: int | None


def read_pairs(
    path: str | Path,
    *,
    item_fields: Sequence[str] = (),
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> list[Pair]:
    """The query-item pairs of a file.

    Columns: query, item (required); query_id, item_id (made from the texts where absent), domain; and
    those named in `item_fields`. Others are not read.

    Args:
        path: A file with a suffix of `darl.data.files.SUFFIXES`, or "-".
        item_fields: Further item columns to keep, in the order in which the pairs shall hold them.
        bad_rows: Where bad rows are set aside, one JSON object a line, instead of failing the whole file.
            The file is written in any case, so its number of lines is the number of rows set aside.
        progress: Is told how many rows were set aside.

    Raises:
        ConfigError: An unknown suffix, or item fields that are repeated or no extra fields.
        DataError: The file is missing, damaged or empty, a required column is missing, or (without
            `bad_rows`) any row is at fault. All faults are listed.
    """
    wanted = _wanted(item_fields, None, grade_required=False)
    return [record.pair for record in _read(path, wanted, bad_rows, progress)]


def read_graded_pairs(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> list[GradedPair]:
    """The graded pairs of a file: `read_pairs` and a required column `grade`, a name or an index of `scale`.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`.
    """
    wanted = _wanted(item_fields, scale, grade_required=True)
    records = _read(path, wanted, bad_rows, progress)
    return [GradedPair(record.pair, record.grade) for record in records if record.grade is not None]


def read_pool(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[list[Pair], list[int | None]]:
    """The pairs of a pool and their grades; a grade may be missing in some rows, or the column in all.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`.
    """
    wanted = _wanted(item_fields, scale, grade_required=False)
    records = _read(path, wanted, bad_rows, progress)
    return [record.pair for record in records], [record.grade for record in records]


def _wanted(item_fields: Sequence[str], scale: GradeScale | None, *, grade_required: bool) -> Wanted:
    faults = [f"{name!r} is read anyway and is no extra field" for name in item_fields if name in COLUMNS]
    if len(set(item_fields)) < len(item_fields):
        faults.append(f"expected each name once, received {list(item_fields)}")
    if faults:
        raise ConfigError("item_fields", faults)
    return Wanted(tuple(item_fields), scale, grade_required)


def _read(path: str | Path, wanted: Wanted, bad_rows: Path | None, progress: Progress) -> list[Record]:
    path = Path(path)
    reading = _Reading(str(path), wanted)
    for row in scan_rows(path, (*COLUMNS, *wanted.item_fields)):
        reading.take(row)
    if faults := reading.faults(set_aside=bad_rows is not None):
        raise DataError(f"reading {path}", faults)
    if bad_rows is not None:
        write_rows(bad_rows, (_set_aside(str(path), bad) for bad in reading.bad))
        if reading.bad:
            progress.message(f"{path}: {len(reading.bad)} bad rows set aside in {bad_rows}")
    return reading.records


def _set_aside(file: str, bad: BadRow) -> dict[str, object]:
    reasons = [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in bad.faults]
    return {"file": file, "line": bad.line, "reasons": reasons, "row": bad.raw}


class _Reading:
    """One pass over a file: the good rows, the bad ones, and what can only be told of the whole."""

    def __init__(self, file: str, wanted: Wanted) -> None:
        self.file = file
        self.wanted = wanted
        self.records: list[Record] = []
        self.bad: list[BadRow] = []
        self.decoded = 0
        self.columns: set[str] = set()
        self.agreement = _Agreement()

    def take(self, row: Row | BadRow) -> None:
        """Read one more row."""
        if isinstance(row, BadRow):
            self.bad.append(row)
            return
        self.decoded += 1
        self.columns |= row.values.keys()
        record, faults = _parse(row, self.wanted)
        faults = faults or self.agreement.faults(record, row.line)
        if faults:
            reasons = tuple(Fault(self.file, row.line, field, message) for field, message in faults)
            self.bad.append(BadRow(row.line, dict(row.values), reasons))
        else:
            self.records.append(record)

    def faults(self, *, set_aside: bool) -> list[Fault]:
        """Everything that keeps the file from being used: a missing column once, not once a row."""
        if not self.decoded and not self.bad:
            return [Fault(self.file, 0, "", "expected rows, received an empty file")]
        missing = {name for name in self.wanted.required if name not in self.columns and self.decoded}
        faults = [self._missing(name) for name in self.wanted.required if name in missing]
        rows = [fault for bad in self.bad for fault in bad.faults if fault.field not in missing]
        if not set_aside or faults:
            return faults + rows
        if not self.records:
            return [Fault(self.file, 0, "", "expected some good rows, received none"), *rows]
        return []

    def _missing(self, name: str) -> Fault:
        received = ", ".join(sorted(self.columns)) or "none"
        return Fault(self.file, 0, name, f"expected a column of this name, received the columns {received}")


def _parse(row: Row, wanted: Wanted) -> tuple[Record, list[tuple[str, str]]]:
    cells = Cells(row)
    query, item = cells.text("query"), cells.text("item")
    query_id, item_id = cells.identifier("query_id"), cells.identifier("item_id")
    fields = tuple((name, text) for name in wanted.item_fields if (text := cells.extra(name)))
    grade = cells.grade("grade", wanted.scale) if wanted.scale else None
    domain = cells.label("domain")
    if wanted.grade_required and grade is None and all(field != "grade" for field, _ in cells.faults):
        cells.faults.append(("grade", "expected a grade, received a row without one"))
    pair = Pair(query_id or made_query_id(query), query, item_id or made_item_id(item), item, domain, fields)
    return Record(pair, grade), cells.faults


class _Agreement:
    """Whether rows contradict each other; the first reading stands."""

    def __init__(self) -> None:
        self.queries: dict[str, tuple[str, int]] = {}
        self.grades: dict[tuple[str, str], tuple[int, int]] = {}

    def faults(self, record: Record, line: int) -> list[tuple[str, str]]:
        """What an earlier row says otherwise."""
        pair, grade = record
        text, first = self.queries.setdefault(pair.query_id, (pair.query, line))
        if text != pair.query and normalise_query(text) != normalise_query(pair.query):
            return [
                (
                    "query",
                    f"expected one text for query_id {pair.query_id!r}, received {pair.query!r} "
                    f"and, in line {first}, {text!r}",
                )
            ]
        if grade is None:
            return []
        known, first = self.grades.setdefault((pair.query_id, pair.item_id), (grade, line))
        if known != grade:
            return [
                (
                    "grade",
                    f"expected one grade for query_id {pair.query_id!r} and item_id "
                    f"{pair.item_id!r}, received {grade} and, in line {first}, {known}",
                )
            ]
        return []
