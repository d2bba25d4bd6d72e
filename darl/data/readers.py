"""Pairs from a file in the common format; everything that is wrong with the file is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darl.data.files import scan_rows, write_rows
from darl.data.ratings import merge_ratings
from darl.data.records import Reading, Record, Wanted, set_aside_row
from darl.data.rows import BadRow
from darl.errors import DataError, Fault
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair, Ratings
from darl.progress import SILENT, Progress

DEFAULT_SCALE = GradeScale()


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
    wanted = Wanted.of(item_fields, None, grade_required=False)
    return [record.pair for record in _read(path, wanted, bad_rows, progress)]


def read_graded_pairs(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    ratings: bool = False,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> list[GradedPair]:
    """The graded pairs of a file: `read_pairs` and a required column `grade`, a name or an index of `scale`.

    With `ratings`, several people may have rated a pair, and it has their median: see `read_rated_pairs`.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`, or with `ratings` as `read_rated_pairs`.
    """
    return read_rated_pairs(
        path, scale, item_fields=item_fields, ratings=ratings, bad_rows=bad_rows, progress=progress
    ).graded


class Rated(NamedTuple):
    """A file in which several people rated a pair: each pair once, and what they said."""

    graded: list[GradedPair]
    ratings: Ratings


def read_rated_pairs(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    ratings: bool = True,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> Rated:
    """The graded pairs of a file in which several people may have rated a pair, and what they said.

    Ratings stand in a column `ratings` (a list, or names with "|" between them), where `grade` is not
    needed, or in several rows of the pair, of which a column `rater` may say whose they are. The pair's grade
    is their median, of two middle ones the lower; a `grade` beside `ratings` is taken instead.
    Without `ratings` nobody is expected to have rated a pair again: `read_graded_pairs`, with no more to say.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`; one rater gives a pair two grades, or two rows with `ratings` do.
    """
    wanted = Wanted.of(item_fields, scale, grade_required=True, repeats="rate" if ratings else "agree")
    records = _read(path, wanted, bad_rows, progress)
    records = merge_ratings(records) if ratings else records
    graded = [GradedPair(record.pair, record.grade) for record in records if record.grade is not None]
    return Rated(graded, {record.pair: record.ratings for record in records if record.ratings})


def read_pool(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    ratings: bool = False,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[list[Pair], list[int | None]]:
    """The pairs of a pool and their grades; a grade may be missing in some rows, or the column in all.

    With `ratings`, several rows of a pair are several people's ratings of it, as in `read_rated_pairs`.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`.
    """
    wanted = Wanted.of(item_fields, scale, grade_required=False, repeats="rate" if ratings else "agree")
    records = _read(path, wanted, bad_rows, progress)
    records = merge_ratings(records) if ratings else records
    return [record.pair for record in records], [record.grade for record in records]


def read_records(
    path: str | Path,
    scale: GradeScale = DEFAULT_SCALE,
    *,
    item_fields: Sequence[str] = (),
    graded: bool = True,
    ratings: bool = False,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> list[Record]:
    """Every row of a file with its line, rows of one pair that have different grades among them.

    Args:
        path: As in `read_pairs`.
        scale: The grades.
        item_fields: As in `read_pairs`.
        graded: Whether a row without a grade is at fault.
        ratings: Whether several rows of a pair are several people's ratings of it; these are merged, and the
            line is that of the first, as in `read_rated_pairs`.
        bad_rows: As in `read_pairs`.
        progress: As in `read_pairs`.

    Raises:
        ConfigError: As `read_pairs`.
        DataError: As `read_pairs`, or with `ratings` as `read_rated_pairs`.
    """
    wanted = Wanted.of(item_fields, scale, grade_required=graded, repeats="rate" if ratings else "any")
    records = _read(path, wanted, bad_rows, progress)
    return merge_ratings(records) if ratings else records


def _read(path: str | Path, wanted: Wanted, bad_rows: Path | None, progress: Progress) -> list[Record]:
    path = Path(path)
    reading = Reading(str(path), wanted)
    taken = [reading.take(row) for row in scan_rows(path, wanted.columns)]
    records = [one for one in taken if isinstance(one, Record)]
    bad = [one for one in taken if isinstance(one, BadRow)]
    if faults := _faults(reading, records, bad, set_aside=bad_rows is not None):
        raise DataError(f"reading {path}", faults)
    if bad_rows is not None:
        write_rows(bad_rows, (set_aside_row(str(path), one) for one in bad))
        if bad:
            progress.message(f"{path}: {len(bad)} bad rows set aside in {bad_rows}")
    return records


def _faults(reading: Reading, records: list[Record], bad: list[BadRow], *, set_aside: bool) -> list[Fault]:
    """Everything that keeps the file from being used: a missing column once, not once a row."""
    if not reading.rows:
        return [Fault(reading.file, 0, "", "expected rows, received an empty file")]
    missing = reading.missing()
    names = {fault.field for fault in missing}
    rows = [fault for one in bad for fault in one.faults if fault.field not in names]
    if not set_aside or missing:
        return missing + rows
    if not records:
        return [Fault(reading.file, 0, "", "expected some good rows, received none"), *rows]
    return []
