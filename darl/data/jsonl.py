"""JSON lines: one object a line, UTF-8."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from darl.data.rows import BadRow, Row, bad_row, json_text


def scan_jsonl(handle: BinaryIO, file: str) -> Iterator[Row | BadRow]:
    """Every line that is not blank, as a row or as the reason why it is none.

    Args:
        handle: The bytes.
        file: The name that faults give.
    """
    for line, raw in enumerate(handle, start=1):
        content = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
        if content.strip():
            yield _decode(content.rstrip(b"\r\n"), file, line)


def _decode(content: bytes, file: str, line: int) -> Row | BadRow:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, received byte 0x{content[error.start]:02x} at byte {error.start + 1}"
        return bad_row(file, line, content.decode("utf-8", "backslashreplace"), message)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return bad_row(file, line, text, f"expected a JSON object, received invalid JSON: {error}")
    if not isinstance(value, dict):
        return bad_row(file, line, text, f"expected a JSON object, received {type(value).__name__}")
    return Row(line, value)


def write_jsonl(handle: BinaryIO, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write each row as a line; the number of rows.

    Raises:
        ValueError: A value that JSON does not have (NaN, infinity, an object of one's own).
    """
    n = 0
    for n, row in enumerate(rows, start=1):  # noqa: B007 - n is what is returned
        handle.write(json_text(row).encode("utf-8") + b"\n")
    return n
