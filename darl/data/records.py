"""From the rows of one file to pairs and grades; every row at fault comes back with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from darl.data.cells import Cells, made_item_id, made_query_id
from darl.data.rows import BadRow, Row
from darl.data.splits import normalise_query
from darl.errors import ConfigError, Fault
from darl.grades import GradeScale
from darl.pairs import Pair

COLUMNS = ("query_id", "query", "item_id", "item", "domain", "grade")
RATING_COLUMNS = ("ratings", "rater")
GRADED = ("grade", "ratings")
Repeats = Literal["agree", "rate", "any"]


class Wanted(NamedTuple):
    """What is read from each row.

    Attributes:
        item_fields: Names of further item fields.
        scale: The grades; None where grades are not read.
        grade_required: Whether a row without a grade is at fault.
        repeats: What several rows of one pair are: they must "agree" on its grade; or each is one person's
            rating ("rate"), of which a column `ratings` may hold several; or "any", for who looks for those
            that do not agree.
    """

    item_fields: tuple[str, ...]
    scale: GradeScale | None
    grade_required: bool
    repeats: Repeats = "agree"

    @classmethod
    def of(
        cls,
        item_fields: Sequence[str],
        scale: GradeScale | None,
        *,
        grade_required: bool,
        repeats: Repeats = "agree",
    ) -> Wanted:
        """The same, checked.

        Raises:
            ConfigError: Item fields that are repeated or no extra fields.
        """
        wanted = cls(tuple(item_fields), scale, grade_required, repeats)
        read = wanted.columns[: -len(item_fields) or None]
        faults = [f"{name!r} is read anyway and is no extra field" for name in item_fields if name in read]
        if len(set(item_fields)) < len(item_fields):
            faults.append(f"expected each name once, received {list(item_fields)}")
        if faults:
            raise ConfigError("item_fields", faults)
        return wanted

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that the file must have."""
        return ("query", "item", *(["grade"] if self.grade_required else []), *self.item_fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at, the extra fields last."""
        return (*COLUMNS, *(RATING_COLUMNS if self.repeats == "rate" else ()), *self.item_fields)


class Record(NamedTuple):
    """One good row, or what the rows of a pair come to (see ratings.py).

    Attributes:
        pair: What was judged.
        grade: Its grade.
        line: As in `Row`.
        ratings: What its column `ratings` holds.
        rater: Who gave `grade`, "" where the row does not say.
    """

    pair: Pair
    grade: int | None
    line: int = 0
    ratings: tuple[int, ...] = ()
    rater: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two rows be about one pair."""
        return self.pair.query_id, self.pair.item_id


class Reading:
    """One pass over a file: each row as a record or as bad, and what can only be told of the whole.

    Args:
        file: The name that faults give.
        wanted: What is read.
    """

    def __init__(self, file: str, wanted: Wanted) -> None:
        self.file = file
        self.wanted = wanted
        self.rows = 0
        self._decoded = 0
        self._columns: set[str] = set()
        self._agreement = _Agreement(self.wanted.repeats)

    def take(self, row: Row | BadRow) -> Record | BadRow:
        """Read one more row."""
        self.rows += 1
        if isinstance(row, BadRow):
            return row
        self._decoded += 1
        self._columns |= row.values.keys()
        record, faults = _parse(row, self.wanted)
        faults = faults or self._agreement.faults(record)
        if not faults:
            return record
        reasons = tuple(Fault(self.file, row.line, field, message) for field, message in faults)
        return BadRow(row.line, dict(row.values), reasons)

    def forget(self) -> None:
        """Compare later rows with those from here on only, so that memory stays bounded."""
        self._agreement = _Agreement(self.wanted.repeats)

    def missing(self) -> list[Fault]:
        """The required columns that no row had, once each; their `field` is the column."""
        if not self._decoded:
            return []
        received = ", ".join(sorted(self._columns)) or "none"
        message = f"expected a column of this name, received the columns {received}"
        rated = self.wanted.repeats == "rate" and "ratings" in self._columns
        names = [name for name in self.wanted.required if name not in self._columns]
        return [Fault(self.file, 0, name, message) for name in names if not (rated and name == "grade")]


def set_aside_row(file: str, bad: BadRow) -> dict[str, object]:
    """A bad row as a row of the file in which bad rows are set aside."""
    reasons = [f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in bad.faults]
    return {"file": file, "line": bad.line, "reasons": reasons, "row": bad.raw}


def _parse(row: Row, wanted: Wanted) -> tuple[Record, list[tuple[str, str]]]:
    cells = Cells(row)
    query, item = cells.text("query"), cells.text("item")
    query_id, item_id = cells.identifier("query_id"), cells.identifier("item_id")
    fields = tuple((name, text) for name in wanted.item_fields if (text := cells.extra(name)))
    grade = cells.grade("grade", wanted.scale) if wanted.scale else None
    domain = cells.label("domain")
    ratings, rater = _ratings(cells, wanted)
    graded = grade is not None or ratings or any(field in GRADED for field, _ in cells.faults)
    if wanted.grade_required and not graded:
        cells.faults.append(("grade", "expected a grade, received a row without one"))
    pair = Pair(query_id or made_query_id(query), query, item_id or made_item_id(item), item, domain, fields)
    return Record(pair, grade, row.line, ratings, rater), cells.faults


def _ratings(cells: Cells, wanted: Wanted) -> tuple[tuple[int, ...], str]:
    if wanted.repeats != "rate" or wanted.scale is None:
        return (), ""
    return cells.ratings("ratings", wanted.scale), cells.identifier("rater")


class _Agreement:
    """Whether rows contradict each other; the first reading stands.

    Args:
        repeats: As in `Wanted`.
    """

    def __init__(self, repeats: Repeats) -> None:
        self.repeats = repeats
        self.queries: dict[str, tuple[str, int]] = {}
        self.grades: dict[tuple[str, ...], tuple[int, int]] = {}

    def faults(self, record: Record) -> list[tuple[str, str]]:
        """What an earlier row says otherwise."""
        pair, grade, line = record[:3]
        text, first = self.queries.setdefault(pair.query_id, (pair.query, line))
        if text != pair.query and normalise_query(text) != normalise_query(pair.query):
            return [
                (
                    "query",
                    f"expected one text for query_id {pair.query_id!r}, received {pair.query!r} "
                    f"and, in line {first}, {text!r}",
                )
            ]
        if grade is None or self.repeats == "any" or (self._is_rating(record) and not record.rater):
            return []
        rater = record.rater if self._is_rating(record) else ""
        known, first = self.grades.setdefault((*record.key, rater), (grade, line))
        if known != grade:
            return [
                (
                    "grade",
                    f"expected one grade for query_id {pair.query_id!r} and item_id "
                    f"{pair.item_id!r}{f' by rater {rater!r}' if rater else ''}, "
                    f"received {grade} and, in line {first}, {known}",
                )
            ]
        return []

    def _is_rating(self, record: Record) -> bool:
        """Whether its grade is one person's; with a column `ratings` beside it, it is what stands for all."""
        return self.repeats == "rate" and not record.ratings
