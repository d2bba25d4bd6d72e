"""CSV and its kin: a header line, then one row of cells a record (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

from darl.data.rows import BadRow, Row, bad_row, is_utf8, json_text
from darl.errors import DataError, Fault

LONGEST_CELL = 2**31 - 1


class _Lines:
    """The lines of a text, those of the record now being read kept for whoever must show them."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text = text
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.taken.append(next(self.text))
        return self.taken[-1]

    def record(self) -> str:
        """The text of the record just read, without its line end."""
        record, self.taken = "".join(self.taken), []
        return record.rstrip("\r\n")


def scan_delimited(
    handle: BinaryIO, file: str, *, delimiter: str = ",", strict: bool = True
) -> Iterator[Row | BadRow]:
    """Every record after the header, as a row of text cells or as the reason why it is none.

    Args:
        handle: The bytes, UTF-8.
        file: The name that faults give.
        delimiter: What stands between two cells.
        strict: Refuse stray quotes, instead of guessing what they mean.

    Raises:
        DataError: The header has an empty or repeated name or is not UTF-8.
    """
    # Python's own limit of 131,072 characters is shorter than many documents; it can only be set for all.
    csv.field_size_limit(LONGEST_CELL)
    # Bytes that are not UTF-8 pass through as lone surrogates, so that they cost one row and not the file.
    text = io.TextIOWrapper(handle, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=strict)
    try:
        header = _header(reader, lines, file)
        while record := _next(reader, lines, header, file):
            if not isinstance(record, Row) or record.values:
                yield record
    finally:
        text.detach()


def _header(reader: Any, lines: _Lines, file: str) -> list[str]:  # noqa: ANN401 - csv's reader has no public type
    try:
        names: list[str] = next((record for record in reader if record), [])
    except csv.Error as error:
        raise DataError(file, [Fault(file, 1, "", f"expected a header line: {error}")]) from error
    faults = []
    if not is_utf8(lines.record()):
        faults.append(Fault(file, 1, "", "expected a header in UTF-8"))
    if any(not name.strip() for name in names):
        faults.append(Fault(file, 1, "", f"expected a name for each column, received {names}"))
    faults += [
        Fault(file, 1, name, "expected each column once, received it again")
        for name in sorted({name for name in names if name and names.count(name) > 1})
    ]
    if faults:
        raise DataError(file, faults)
    return names


def _next(reader: Any, lines: _Lines, header: list[str], file: str) -> Row | BadRow | None:  # noqa: ANN401
    """The next record; a blank line is a row without values; None at the end."""
    line = reader.line_num + 1
    try:
        cells = next(reader, None)
    except csv.Error as error:
        return bad_row(file, line, lines.record(), f"expected well-formed CSV: {error}")
    raw = lines.record()
    if cells is None:
        return None
    if not is_utf8(raw):
        return bad_row(file, line, raw, "expected UTF-8, received bytes that are not")
    if cells and len(cells) != len(header):
        return bad_row(
            file, line, raw, f"expected {len(header)} cells as in the header, received {len(cells)}"
        )
    return Row(line, dict(zip(header, cells, strict=False)))


def write_csv(handle: BinaryIO, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a header and the rows; the number of rows. Lists and objects become JSON text.

    Raises:
        ValueError: A row has a column that the first row has not, or a value that JSON does not have.
    """
    rest = iter(rows)
    first = next(rest, None)
    if first is None:
        return 0
    columns = list(first)
    text = io.TextIOWrapper(handle, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(columns)
        n = 0
        for n, row in enumerate(chain([first], rest), start=1):  # noqa: B007 - n is what is returned
            writer.writerow([_cell(row.get(column)) for column in _checked(row, columns)])
    finally:
        text.flush()
        text.detach()
    return n


def _checked(row: Mapping[str, Any], columns: list[str]) -> list[str]:
    if extra := row.keys() - set(columns):
        raise ValueError(f"expected the first row's columns {columns}, received also {sorted(extra)}")
    return columns


def _cell(value: object) -> object:
    if isinstance(value, list | tuple | Mapping):
        return json_text(value)
    return value
