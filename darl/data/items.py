"""Items alone: a catalogue that nobody has searched yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from darl.data.cells import Cells, made_item_id
from darl.data.files import scan_rows, suffix_of, write_rows
from darl.data.records import COLUMNS, set_aside_row
from darl.data.rows import BadRow, Row
from darl.data.splits import normalise_query
from darl.data.stream import input_files
from darl.errors import ConfigError, DataError, Fault
from darl.pairs import Pair
from darl.progress import SILENT, Progress

USUAL_FIELDS = ("brand", "color", "category")


class Item(NamedTuple):
    """A thing that queries may be about.

    Attributes:
        item_id: Identifies it within the catalogue.
        item: Its main text, a title or a name.
        domain: Where it belongs, "" when unknown.
        fields: Further named texts, as in `Pair`; a path has " > " between its parts.
    """

    item_id: str
    item: str
    domain: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    def asked(self, query_id: str, query: str) -> Pair:
        """The pair of a query and this item."""
        return Pair(query_id, query, self.item_id, self.item, self.domain, self.fields)


def catalogue_files(path: Path) -> tuple[Path, ...]:
    """The files of a catalogue: itself, or those of a folder.

    Raises:
        ConfigError: Nothing is there, or no data file.
    """
    if path.is_dir():
        return input_files(path)
    if not path.is_file():
        raise ConfigError("catalogue", [f"expected a file or a folder of files, received {str(path)!r}"])
    suffix_of(path)
    return (path,)


def read_catalogue(
    path: str | Path,
    *,
    item_fields: Sequence[str] = (),
    fields: Sequence[str] | None = None,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[Item, ...]:
    """The different items of a file, or of a folder of files.

    Columns: item (required), item_id (made from the text where absent), domain, and the fields. A file of
    pairs is a catalogue too: its queries and grades are not read. Items with one title, as `normalise_query`
    has it, are one item, the first.

    Args:
        path: A file that the readers of pairs take, or a folder of such.
        item_fields: Columns that must be there: what the prompt reads.
        fields: Further columns that must be there, of which queries are made; None = those of brand, color
            and category that are there.
        bad_rows: Where bad rows are set aside, instead of failing.
        progress: Told how many rows were set aside, and how many items stand there again.

    Raises:
        ConfigError: No such file, or fields that are no extra fields.
        DataError: As `read_pairs`; an item_id stands for two titles; or there are fewer than two items, so
            that none could be told from another.
    """
    path = Path(path)
    if taken := [name for name in (*item_fields, *(fields or ())) if name in COLUMNS]:
        raise ConfigError(
            "catalogue", [f"fields: {name!r} is read anyway and is no extra field" for name in taken]
        )
    required = tuple(dict.fromkeys((*item_fields, *(fields or ()))))
    optional = [name for name in USUAL_FIELDS if fields is None and name not in required]
    reading = _Reading(required, (*required, *optional))
    bad = [one for file in catalogue_files(path) for one in reading.read(file)]
    reading.check(path, [] if bad_rows is not None else bad)
    if bad_rows is not None:
        write_rows(bad_rows, (set_aside_row(one.faults[0].file, one) for one in bad))
        if bad:
            progress.message(f"{path}: {len(bad)} bad rows set aside in {bad_rows}")
    items = _different(reading.items)
    if len(items) < len(reading.items):
        progress.message(f"{path}: {len(reading.items) - len(items):,} items stand there again")
    if len(items) < 2:
        message = f"expected at least 2 different items, received {len(items)}: nothing to tell one from"
        raise DataError(f"reading {path}", [Fault(str(path), 0, "", message)])
    return items


def digest_of_items(items: Iterable[Item]) -> str:
    """The SHA-256 of items in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(repr(tuple(item)).encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


class _Reading:
    """All files of a catalogue in turn; one item_id has one title in all of them.

    Args:
        required: Columns that each file must have, beside `item`.
        fields: All columns that are kept as fields.
    """

    def __init__(self, required: Sequence[str], fields: Sequence[str]) -> None:
        self.required, self.fields = required, fields
        self.items: list[Item] = []
        self.missing: list[Fault] = []
        self._titles: dict[str, tuple[str, str]] = {}

    def read(self, file: Path) -> Iterator[BadRow]:
        """Take the good rows of a file; the others come back."""
        columns, rows = set[str](), 0
        for row in scan_rows(file, ("item", "item_id", "domain", *self.fields)):
            rows += 1
            if isinstance(row, Row):
                columns |= row.values.keys()
                item, faults = self._item(row, str(file))
                if not faults:
                    self.items.append(item)
                    continue
                row = BadRow(row.line, dict(row.values), tuple(faults))
            yield row
        if not rows:
            self.missing.append(Fault(str(file), 0, "", "expected rows, received an empty file"))
        elif columns:
            message = f"expected a column of this name, received the columns {', '.join(sorted(columns))}"
            names = [name for name in ("item", *self.required) if name not in columns]
            self.missing += [Fault(str(file), 0, name, message) for name in names]

    def _item(self, row: Row, file: str) -> tuple[Item, list[Fault]]:
        cells = Cells(row)
        title, item_id, domain = cells.text("item"), cells.identifier("item_id"), cells.label("domain")
        fields = tuple((name, text) for name in self.fields if (text := cells.extra(name)))
        item = Item(item_id or made_item_id(title), title, domain, fields)
        if not cells.faults:
            place = f"{file}:{row.line}"
            known, where = self._titles.setdefault(item.item_id, (title, place))
            if normalise_query(known) != normalise_query(title):
                expected = f"expected one text for item_id {item.item_id!r}"
                cells.faults.append(("item", f"{expected}, received {title!r} and, in {where}, {known!r}"))
        return item, [Fault(file, row.line, *fault) for fault in cells.faults]

    def check(self, path: Path, bad: Sequence[BadRow]) -> None:
        """Tell everything that is wrong: a missing column once, not once a row.

        Raises:
            DataError: There is something.
        """
        told = {(fault.file, fault.field) for fault in self.missing}
        rows = [fault for one in bad for fault in one.faults if (fault.file, fault.field) not in told]
        if faults := self.missing + rows:
            raise DataError(f"reading {path}", faults)


def _different(items: Iterable[Item]) -> tuple[Item, ...]:
    """The first of the items that have one title."""
    first: dict[str, Item] = {}
    for item in items:
        first.setdefault(normalise_query(item.item), item)
    return tuple(first.values())
