"""Rows from and to files, by suffix: .jsonl, .csv (both also .gz) and .parquet; "-" is JSONL on a pipe."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from darl.data.delimited import scan_delimited, write_csv
from darl.data.jsonl import scan_jsonl, write_jsonl
from darl.data.rows import BadRow, Row
from darl.errors import ConfigError, DataError, Fault
from darl.files import CHUNK, whole_file
from darl.progress import SILENT, Progress

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")
PIPE = Path("-")

Writer = Callable[[BinaryIO, Iterable[Mapping[str, Any]]], int]


def suffix_of(path: Path) -> str:
    """The suffix that decides a file's format; ".jsonl" for "-".

    Raises:
        ConfigError: A suffix that is not one of `SUFFIXES`.

    >>> suffix_of(Path("pool.jsonl.gz"))
    '.jsonl.gz'
    """
    if path == PIPE:
        return ".jsonl"
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return suffix
    raise ConfigError(
        str(path), [f"expected a file name that ends in {', '.join(SUFFIXES)}, received {path.name!r}"]
    )


def scan_rows(
    path: Path, columns: Collection[str] | None = None, progress: Progress = SILENT
) -> Iterator[Row | BadRow]:
    """Every row of a file, one at a time; a line that cannot be decoded comes as a `BadRow`.

    Args:
        path: The file; "-" is standard input, as JSONL.
        columns: The columns that are needed; a Parquet file is asked for no others. None: all.
        progress: Its task advances by the bytes that are read from the disk.

    Raises:
        ConfigError: An unknown suffix.
        DataError: The file is not there, cannot be read, is cut short or is not what its suffix says.
    """
    suffix = suffix_of(path)
    with reading(path), _opened(path, suffix, progress) as handle:
        if suffix == ".parquet":
            # pyarrow takes a noticeable part of a second to import, and only Parquet needs it.
            from darl.data.parquet import scan_parquet

            yield from scan_parquet(handle, str(path), columns)
        elif suffix.startswith(".csv"):
            yield from scan_delimited(handle, str(path))
        else:
            yield from scan_jsonl(handle, str(path))


def read_rows(path: Path, columns: Collection[str] | None = None) -> list[Row]:
    """All rows of a file, for a reader that has no use for a part of it.

    Raises:
        ConfigError: An unknown suffix.
        DataError: As `scan_rows`, or lines that cannot be decoded (all of them are listed).
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    for row in scan_rows(path, columns):
        if isinstance(row, BadRow):
            faults += row.faults
        else:
            rows.append(row)
    if faults:
        raise DataError(str(path), faults)
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a file, whole or not at all, in the format of its suffix; the number of rows.

    Columns stand in the order of the first row. Lists and objects stay what they are in JSONL and
    Parquet and become JSON text in CSV. Equal rows give equal bytes. "-" is standard output, as JSONL.

    Raises:
        ConfigError: An unknown suffix.
        DataError: The file cannot be written, or a value has no place in the format.
    """
    suffix = suffix_of(path)
    try:
        if path == PIPE:
            n = write_jsonl(sys.stdout.buffer, rows)
            sys.stdout.buffer.flush()
            return n
        with whole_file(path) as temporary, _created(temporary, suffix) as handle:
            return _writer(suffix)(handle, rows)
    except BrokenPipeError:
        raise
    except (OSError, ValueError, TypeError) as error:
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise DataError(f"writing {path}", [Fault(str(path), 0, "", reason)]) from error


def _writer(suffix: str) -> Writer:
    if suffix == ".parquet":
        from darl.data.parquet import write_parquet

        return write_parquet
    return write_csv if suffix.startswith(".csv") else write_jsonl


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into a `DataError` that says what it means."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), [Fault(str(path), 0, "", _reason(error))]) from error


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "expected a file, received none: no such file"
    if isinstance(error, IsADirectoryError):
        return "expected a file, received a folder"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, EOFError | zlib.error):
        return f"expected a whole gzip file, received one that is cut short or altered ({error})"
    if isinstance(error, gzip.BadGzipFile):
        return f"expected a gzip file: {error}"
    return str(error)


class _Heard(io.FileIO):
    """A file that tells how much of it is read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        n = super().readinto(buffer) or 0
        self._progress.advance(n)
        return n


@contextmanager
def _opened(path: Path, suffix: str, progress: Progress) -> Iterator[BinaryIO]:
    if path == PIPE:
        yield sys.stdin.buffer
        return
    with io.BufferedReader(_Heard(path, progress), CHUNK) as handle:
        if suffix.endswith(".gz"):
            with gzip.open(handle) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield handle


@contextmanager
def _created(path: Path, suffix: str) -> Iterator[BinaryIO]:
    with path.open("wb") as handle:
        if suffix.endswith(".gz"):
            # No name and no time in the header: equal rows give equal bytes.
            # Level 6 is gzip's own default; Python's 9 takes several times as long to save a few per cent.
            with gzip.GzipFile("", "wb", 6, handle, mtime=0) as packed:
                yield cast("BinaryIO", packed)
        else:
            yield handle
