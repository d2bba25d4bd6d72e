"""What a data file gives, line by line: a row, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from darl.errors import Fault


class Row(NamedTuple):
    """One decoded row.

    Attributes:
        line: 1-based line it starts on (JSONL, CSV) or 1-based row (Parquet).
        values: Column or key to value, as the file has it.
    """

    line: int
    values: Mapping[str, Any]


class BadRow(NamedTuple):
    """One row that cannot be used.

    Attributes:
        line: As in `Row`.
        raw: What was received: the row's values, its cells, or the text of a line that no one can decode.
        faults: Why, at least one.
    """

    line: int
    raw: Any
    faults: tuple[Fault, ...]


def bad_row(file: str, line: int, raw: Any, message: str) -> BadRow:  # noqa: ANN401 - whatever was received
    """A row that is wrong as a whole, for one reason."""
    return BadRow(line, raw, (Fault(file, line, "", message),))


def json_text(value: object) -> str:
    """One line of JSON; letters stay readable where UTF-8 has them.

    Raises:
        ValueError: NaN, infinity or another value that JSON does not have.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    if is_utf8(text):
        return text
    # Half a surrogate pair has no UTF-8 form; its \u escape keeps it as it was received.
    return json.dumps(value, allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    """A numpy scalar or array as the plain value that it holds."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise ValueError(f"expected text, numbers, lists or objects, received {type(value).__name__}")


def is_utf8(text: str) -> bool:
    """Whether a text has a UTF-8 form: half a surrogate pair has none."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
