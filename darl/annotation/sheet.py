"""The CSV file that people grade in: written, and read as rows of cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darl.annotation.cells import guarded
from darl.errors import DataError, Fault
from darl.files import whole_file
from darl.pairs import Pair

LEADING = ("row", "query_id", "query", "item_id", "item", "domain")
TRAILING = ("grade", "note")
REQUIRED = ("row", "query_id", "query", "item_id", "item", "grade")
DELIMITERS = (",", ";", "\t")
SAVE_AGAIN = "save it as 'CSV UTF-8 (comma delimited)'"


class Row(NamedTuple):
    """A row that is not blank: the 1-based line it begins on, and its cells by column."""

    line: int
    cells: dict[str, str]


def write_sheet(path: Path, pairs: Sequence[Pair]) -> None:
    """Write a row for each pair, with empty grade and note: whole or not at all.

    UTF-8 with a byte order mark, without which Excel reads accents wrongly. A further field of the items
    that has the name of a column of ours is headed "field NAME".
    """
    names = list(dict.fromkeys(name for pair in pairs for name, _ in pair.fields))
    taken = LEADING + TRAILING
    headings = [guarded(f"field {name}" if name.strip().casefold() in taken else name) for name in names]
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([*LEADING, *headings, *TRAILING])
        for number, pair in enumerate(pairs, start=1):
            texts = [pair.query_id, pair.query, pair.item_id, pair.item, pair.domain]
            texts += [pair.field(name) for name in names]
            writer.writerow([number, *(guarded(text) for text in texts), "", ""])


def read_sheet(path: Path) -> list[Row]:
    """The rows of a sheet that people have worked on, whichever of , ; tab separates its cells.

    Raises:
        DataError: It cannot be read, is not UTF-8, is no CSV, or lacks a column.
    """
    text = _read_text(path)
    _, header, delimiter = max((_n_known(names := _header(text, d)), names, d) for d in DELIMITERS)
    missing = [name for name in REQUIRED if header.count(name) != 1]
    if missing:
        message = f"expected each of the columns {', '.join(REQUIRED)} once, received {', '.join(header)}"
        raise DataError("grading sheet", [Fault(str(path), 1, name, message) for name in missing])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                padded = cells + [""] * (len(header) - len(cells))
                rows.append(Row(line, dict(zip(header, padded, strict=False))))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(path, line, f"not a CSV file ({error}): {SAVE_AGAIN}") from error
    return rows[1:]


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, 0, f"cannot be read ({error.strerror}): is it open elsewhere?") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, received the byte 0x{content[error.start]:02X}: {SAVE_AGAIN}"
        raise _unreadable(path, line, message) from error


def _header(text: str, delimiter: str) -> list[str]:
    first = next(iter(text.splitlines()), "")
    return [cell.strip().casefold() for cell in next(csv.reader([first], delimiter=delimiter))]


def _n_known(header: Sequence[str]) -> int:
    return sum(name in header for name in REQUIRED)


def _unreadable(path: Path, line: int, message: str) -> DataError:
    return DataError("grading sheet", [Fault(str(path), line, "", message)])
