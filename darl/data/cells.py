"""The cells of one row as what a pair is made of, every fault kept."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from darl.data.rows import Row, is_utf8
from darl.data.splits import normalise_query
from darl.errors import UnknownGradeError
from darl.grades import GradeScale

PATH_SEPARATOR = " > "
SHOWN = 60


def made_query_id(query: str) -> str:
    """The id of a query that has none: the same for all queries that `normalise_query` counts as one.

    >>> made_query_id("Shoes") == made_query_id("shoes ")
    True
    """
    return "q-" + _digest(normalise_query(query))


def made_item_id(item: str) -> str:
    """The id of an item that has none: the same for equal texts."""
    return "i-" + _digest(item)


def _digest(text: str) -> str:
    # 64 bits: among ten million texts, two share a digest with a chance of about one in 370,000.
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


class Cells:
    """Reads the cells of one row; what is wrong is kept as (field, message) instead of being raised."""

    def __init__(self, row: Row) -> None:
        self.values = row.values
        self.faults: list[tuple[str, str]] = []

    def text(self, name: str) -> str:
        """A text that must be there."""
        if name not in self.values:
            return self._fault(name, "expected text, received a row without it")
        value = self.values[name]
        if not isinstance(value, str):
            return self._fault(name, f"expected text, received {_shown(value)}")
        if not value.strip():
            return self._fault(name, "expected text, received an empty one")
        return self._utf8(name, value)

    def identifier(self, name: str) -> str:
        """An id given as text or a whole number; "" where the row has none."""
        value = self.values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.label(name)

    def label(self, name: str) -> str:
        """A text that may be absent; "" where it is."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            return self._fault(name, f"expected text, received {_shown(value)}")
        return self._utf8(name, value) if value.strip() else ""

    def extra(self, name: str) -> str:
        """A further item field: text, a number, or a list of them (a category path) joined by " > "."""
        value = _unpacked(self.values.get(name))
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, dict | list | bool | bytes) for part in parts):
            return self._fault(name, f"expected text or a list of texts, received {_shown(value)}")
        texts = [str(part) for part in parts if not _is_absent(part)]
        return self._utf8(name, PATH_SEPARATOR.join(text for text in texts if text.strip()))

    def grade(self, name: str, scale: GradeScale) -> int | None:
        """The index of a grade given as name or index; None where the row has none."""
        return self._grade(name, self.values.get(name), scale)

    def _grade(self, name: str, value: Any, scale: GradeScale) -> int | None:  # noqa: ANN401 - whatever the row has
        if _is_absent(value) or (isinstance(value, str) and not value.strip()):
            return None
        try:
            if isinstance(value, str | int | float):
                return scale.index(value)
        except UnknownGradeError as error:
            self._fault(name, str(error))
            return None
        self._fault(name, f"expected a grade of {', '.join(scale.names)}, received {_shown(value)}")
        return None

    def ratings(self, name: str, scale: GradeScale) -> tuple[int, ...]:
        """The indices of several grades: a list, or text with "|" between them; () where the row has none."""
        value = _unpacked(self.values.get(name))
        if isinstance(value, str) and value not in scale.names:
            value = value.split("|")
        parts = value if isinstance(value, list) else [value]
        found = [self._grade(name, part, scale) for part in parts]
        return tuple(grade for grade in found if grade is not None)

    def _fault(self, name: str, message: str) -> str:
        self.faults.append((name, message))
        return ""

    def _utf8(self, name: str, text: str) -> str:
        if is_utf8(text):
            return text
        return self._fault(name, "expected text, received half a surrogate pair (a damaged character)")


def _is_absent(value: object) -> bool:
    # NaN, which differs from itself, is how some tables write "nothing".
    return value is None or value != value


def _unpacked(value: Any) -> Any:  # noqa: ANN401 - whatever the file has
    """A list that a CSV cell holds as JSON text, as a list."""
    if isinstance(value, str) and value.startswith("["):
        try:
            unpacked = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return unpacked if isinstance(unpacked, list) else value
    return value


def _shown(value: object) -> str:
    text = repr(value)
    shown = text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
    return f"{type(value).__name__} {shown}"
