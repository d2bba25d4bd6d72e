"""Pairs from more rows than memory holds: one file or a folder of files, read a shard at a time."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from darl.data.files import PIPE, scan_rows, suffix_of, write_rows
from darl.data.records import Reading, Record, Wanted, set_aside_row
from darl.data.rows import BadRow
from darl.errors import ConfigError, DataError, Fault
from darl.pairs import Pair
from darl.progress import SILENT, Progress, task

SHARD_SIZE = 50_000
KEPT_FAULTS = 100
HIDDEN = (".", "_")  # so are checksums and markers of success named, beside the files that others write


def input_files(path: Path) -> tuple[Path, ...]:
    """The files that `path` stands for: itself, or what is in the folder, sorted by name.

    Names that begin with "." or "_" are passed over.

    Raises:
        ConfigError: Nothing is there, no files, one that is no data file, or a pipe, which cannot be read
            twice.
    """
    if path == PIPE or (path.exists() and not path.is_file() and not path.is_dir()):
        raise ConfigError(
            str(path), ["a pipe cannot be read twice: write it to a file first, or give --out FILE"]
        )
    if not path.is_dir():
        return _checked((path,))
    files = sorted(one for one in path.iterdir() if not one.name.startswith(HIDDEN))
    if not files:
        raise ConfigError(str(path), ["expected a folder of data files, received an empty one"])
    return _checked(files)


def _checked(files: Sequence[Path]) -> tuple[Path, ...]:
    faults = []
    for file in files:
        if not file.is_file():
            faults.append(f"{file}: expected a file, received {'a folder' if file.is_dir() else 'none'}")
            continue
        try:
            suffix_of(file)
        except ConfigError as error:
            faults += [f"{file}: {fault}" for fault in error.faults]
    if faults:
        raise ConfigError("pairs", faults)
    return tuple(files)


class Survey(NamedTuple):
    """What one reading of all rows found.

    Attributes:
        pairs: Good rows.
        bad_rows: Rows that were set aside.
    """

    pairs: int
    bad_rows: int


class PairStream:
    """The pairs of some files in their order, as often as they are wanted, a shard at a time.

    What rows say of each other (one query_id, one text) is compared within a file and within a shard only:
    memory holds one shard, however many rows there are.

    Args:
        files: From `input_files`.
        item_fields: Further item columns to keep; see `read_pairs`.
        size: Pairs of a shard.

    Raises:
        ConfigError: Item fields that are repeated or no extra fields, or a size below 1.
    """

    def __init__(
        self, files: Sequence[Path], *, item_fields: Sequence[str] = (), size: int = SHARD_SIZE
    ) -> None:
        if size < 1:
            raise ConfigError("shard size", [f"expected at least 1 pair, received {size}"])
        self.files = tuple(files)
        self._wanted = Wanted.of(item_fields, None, grade_required=False)
        self._size = size

    @property
    def name(self) -> str:
        """What faults call the whole."""
        first, n = self.files[0], len(self.files)
        return str(first) if n == 1 else f"{first.parent} ({n} files)"

    def __iter__(self) -> Iterator[list[Pair]]:
        """`size` good pairs at a time, fewer in the last list; rows at fault are left out (see `survey`).

        Keep no list while asking for the next one, or two are in memory.

        Raises:
            DataError: A file cannot be read.
        """
        cut = _Cut(self._size)
        shard: list[Pair] = []
        for file in self.files:
            for one in cut.rows(Reading(str(file), self._wanted)):
                if isinstance(one, Record):
                    shard.append(one.pair)
                if len(shard) == self._size:
                    full, shard = shard, []
                    yield full
                    del full
        if shard:
            yield shard

    def survey(self, bad_rows: Path | None = None, progress: Progress = SILENT) -> Survey:
        """Read everything once, count it, and tell everything that is wrong with it.

        Args:
            bad_rows: Where bad rows are set aside, as in `read_pairs`, instead of failing.
            progress: Told how far it is, and how many rows were set aside.

        Raises:
            DataError: A file is damaged or lacks a required column, no file has rows, or (without
                `bad_rows`) any row is at fault. The first hundred faults are listed and all are counted.
        """
        cut, faults = _Cut(self._size), _Faults()
        aside = self._bad_rows(cut, faults, bad_rows is not None, progress)
        total = sum(file.stat().st_size for file in self.files)
        with task(progress, f"check {self.name}", total, "B"):
            if bad_rows is None:
                deque(aside, maxlen=0)
            else:
                write_rows(bad_rows, aside)
        survey = Survey(cut.good, cut.rows_read - cut.good)
        if survey.bad_rows:
            progress.message(f"{self.name}: {survey.bad_rows:,} bad rows set aside in {bad_rows}")
        return survey

    def _bad_rows(
        self, cut: _Cut, faults: _Faults, set_aside: bool, progress: Progress
    ) -> Iterator[Mapping[str, object]]:
        """Every bad row, as it is set aside; at the end the error, if there is one."""
        for file in self.files:
            reading = Reading(str(file), self._wanted)
            try:
                for one in cut.rows(reading, progress):
                    if isinstance(one, BadRow):
                        faults.of_row(one)
                        yield set_aside_row(str(file), one)
            except DataError as error:
                faults.of_file(error.faults)
            faults.end_file(reading.missing())
        if not cut.rows_read and not faults.fatal:
            faults.of_file([Fault(self.name, 0, "", "expected rows, received none")])
        elif not cut.good and set_aside and not faults.fatal:
            faults.of_file([Fault(self.name, 0, "", "expected some good rows, received none")])
        if faults.fatal or (faults.total and not set_aside):
            raise DataError(f"reading {self.name}", faults.first, total=faults.total)


class _Cut:
    """Where shards end, the same in every pass: a row's faults must not depend on which pass asks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.rows_read = self.good = 0

    def rows(self, reading: Reading, progress: Progress = SILENT) -> Iterator[Record | BadRow]:
        """The rows of one more file."""
        for row in scan_rows(Path(reading.file), reading.wanted.columns, progress):
            one = reading.take(row)
            self.rows_read += 1
            if isinstance(one, Record):
                self.good += 1
                if self.good % self._size == 0:
                    reading.forget()
            yield one


class _Faults:
    """The first faults and the number of all."""

    def __init__(self) -> None:
        self.first: list[Fault] = []
        self.total = 0
        self.fatal = False
        self._fields: dict[str, _Faults] = defaultdict(_Faults)

    def of_row(self, bad: BadRow) -> None:
        """What is wrong with a row; kept by field, as a column may turn out to be missing."""
        for fault in bad.faults:
            self._fields[fault.field]._add([fault], 1)

    def of_file(self, faults: Sequence[Fault]) -> None:
        """What no setting aside of rows makes good."""
        self.fatal = True
        self._add(faults, len(faults))

    def end_file(self, missing: Sequence[Fault]) -> None:
        """A missing column is told once, not once a row."""
        if missing:
            self.of_file(missing)
        told = {fault.field for fault in missing}
        rows = [one for field, one in self._fields.items() if field not in told]
        lines = sorted((fault for one in rows for fault in one.first), key=lambda fault: fault.line)
        self._add(lines, sum(one.total for one in rows))
        self._fields.clear()

    def _add(self, faults: Sequence[Fault], total: int) -> None:
        self.total += total
        self.first += faults[: KEPT_FAULTS - len(self.first)]
