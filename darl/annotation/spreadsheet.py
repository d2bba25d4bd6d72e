"""People grade in a spreadsheet program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darl.annotation.cells import same_text
from darl.annotation.sheet import Row, read_sheet, write_sheet
from darl.errors import AnnotationPending, DataError, Fault, UnknownGradeError
from darl.grades import GradeScale
from darl.pairs import Pair
from darl.predictions import IntArray

UNGRADED = -1
SHOWN_ROWS = 10


class Spreadsheet:
    """A CSV file that people fill in, with a spreadsheet program, between two runs.

    The first `annotate` writes the file and pauses the run; a later one, with the same pairs, checks what
    came back and reads the grades. People may sort the rows, add columns, write notes and save with any
    of , ; tab; they may not remove, repeat or edit rows.

    Cells that a spreadsheet program would run as a formula, or rewrite as a number or date, get a leading
    apostrophe, which is taken off again (see `cells.guarded`).

    Args:
        path: The file; one for each round.
        scale: The grades that people may give, by name (any case) or by index. Where a name of the scale
            is itself a number, only names count.
    """

    def __init__(self, path: Path, scale: GradeScale) -> None:
        self.path = path
        self.scale = scale

    def annotate(self, pairs: Sequence[Pair]) -> IntArray:
        """(n,) the grades that people gave; no file is made for no pairs.

        Raises:
            AnnotationPending: The file was written just now, or has rows without a grade.
            DataError: The file cannot be read, or rows are missing, repeated, unknown, altered, or have a
                grade that the scale does not have; every fault is listed.
        """
        if not pairs:
            return np.empty(0, dtype=np.int64)
        if not self.path.exists():
            write_sheet(self.path, pairs)
            raise AnnotationPending(self.path, f"{self.path}: {len(pairs)} pairs to grade. {self._advice()}")
        grades = self._read(pairs)
        ungraded = np.flatnonzero(grades == UNGRADED) + 1
        if len(ungraded):
            rows = ", ".join(map(str, ungraded[:SHOWN_ROWS])) + ", ..." * (len(ungraded) > SHOWN_ROWS)
            count = f"{len(ungraded)} of {len(pairs)} rows have no grade yet (row {rows})"
            raise AnnotationPending(self.path, f"{self.path}: {count}. {self._advice()}")
        return grades

    def _advice(self) -> str:
        indices = not _has_numbers(self.scale)
        allowed = [f"{name} ({i})" if indices else name for i, name in enumerate(self.scale.names)]
        return (
            f"Fill the column 'grade' with one of: {', '.join(allowed)}; save as CSV UTF-8; "
            "then go on with: darl run ... --resume"
        )

    def _read(self, pairs: Sequence[Pair]) -> IntArray:
        grades = np.full(len(pairs), UNGRADED, dtype=np.int64)
        seen: dict[int, int] = {}
        faults: list[Fault] = []
        for row in read_sheet(self.path):
            number = _number(row.cells["row"])
            if not 1 <= number <= len(pairs):
                faults.append(self._fault(row, "row", f"expected 1 to {len(pairs)}"))
            elif number in seen:
                faults.append(self._fault(row, "row", f"expected once, was on line {seen[number]} already"))
            else:
                seen[number] = row.line
                faults += self._altered(row, pairs[number - 1])
                grades[number - 1] = self._grade(row, faults)
        faults += [self._missing(i, pair) for i, pair in enumerate(pairs, start=1) if i not in seen]
        if faults:
            raise DataError(f"grading sheet: correct {self.path} and run again", faults)
        return grades

    def _altered(self, row: Row, pair: Pair) -> list[Fault]:
        expected = {name: getattr(pair, name) for name in ("query_id", "query", "item_id", "item")}
        return [
            self._fault(row, name, f"expected {text!r} in row {row.cells['row'].strip()}")
            for name, text in expected.items()
            if not same_text(text, row.cells[name])
        ]

    def _grade(self, row: Row, faults: list[Fault]) -> int:
        text = row.cells["grade"].strip()
        try:
            return read_grade(self.scale, text) if text else UNGRADED
        except UnknownGradeError as error:
            faults.append(Fault(str(self.path), row.line, "grade", str(error)))
            return UNGRADED

    def _missing(self, number: int, pair: Pair) -> Fault:
        message = f"row {number} is missing (query_id {pair.query_id!r}, item_id {pair.item_id!r})"
        return Fault(str(self.path), 0, "row", message)

    def _fault(self, row: Row, field: str, expected: str) -> Fault:
        return Fault(str(self.path), row.line, field, f"{expected}, received {row.cells[field]!r}")


def read_grade(scale: GradeScale, text: str) -> int:
    """The grade that a person meant: a name, in any case if that is unambiguous, or an index.

    Where a name is a number, so that an index could be meant for it, only names count, and equal
    numbers are the same name: a spreadsheet program turns +1 into 1.

    >>> read_grade(GradeScale(("no", "Yes")), "YES"), read_grade(GradeScale(("-1", "0", "+1")), "1")
    (1, 2)

    Raises:
        UnknownGradeError: The scale has no such grade.
    """
    if text.strip() in scale.names:
        return scale.index(text)
    matches = [i for i, name in enumerate(scale.names) if _key(name) == _key(text)]
    if len(matches) == 1:
        return matches[0]
    if _has_numbers(scale) or matches:
        raise UnknownGradeError(f"unknown grade {text!r}: expected one of {', '.join(scale.names)}")
    return scale.index(text)


def _has_numbers(scale: GradeScale) -> bool:
    return any(isinstance(_key(name), float) for name in scale.names)


def _key(text: str) -> str | float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    return number if math.isfinite(number) else text.strip().casefold()


def _number(cell: str) -> int:
    """The row number in a cell, 0 where there is none."""
    return int(cell) if cell.strip().isdecimal() else 0
