"""Parquet: typed columns; nested lists stay lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from darl.data.rows import Row
from darl.errors import DataError, Fault

READ_ROWS = 4_096
WRITTEN_ROWS = 65_536
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def scan_parquet(handle: BinaryIO, file: str, columns: Collection[str] | None = None) -> Iterator[Row]:
    """Every row, in batches; only `columns` are read from the disk where they are given.

    Raises:
        DataError: The file is truncated, altered or not Parquet.
    """
    with parquet_faults(file, handle):
        source = pq.ParquetFile(handle)
        names = [name for name in source.schema_arrow.names if columns is None or name in columns]
        line = 0
        for batch in source.iter_batches(batch_size=READ_ROWS, columns=names):
            for values in batch.to_pylist():
                line += 1
                yield Row(line, values)


@contextmanager
def parquet_faults(file: str, handle: BinaryIO) -> Iterator[None]:
    """Turn what pyarrow says of a file into a `DataError` that says what it means."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        # pyarrow raises OSError for a damaged page as well as for a damaged disk.
        handle.seek(0)
        reason = f"expected a whole Parquet file: {error}"
        if handle.read(len(LFS_POINTER)) == LFS_POINTER:
            reason = "received a Git LFS pointer, not the data it points to: run `git lfs pull` there"
        raise DataError(file, [Fault(file, 0, "", reason)]) from error


def write_parquet(handle: BinaryIO, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the rows; the number of rows. Columns stand in the order of their first appearance.

    Raises:
        ValueError: A column whose values have no common type.
    """
    rest = iter(rows)
    tables = []
    while chunk := list(islice(rest, WRITTEN_ROWS)):
        names = list(dict.fromkeys(name for row in chunk for name in row))
        tables.append(pa.table({name: _column(name, chunk) for name in names}))
    try:
        table = pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
    except pa.ArrowException as error:
        raise ValueError(f"expected one type a column: {error}") from error
    pq.write_table(table, handle)
    return int(table.num_rows)


def _column(name: str, rows: list[Mapping[str, Any]]) -> pa.Array:
    try:
        return pa.array([row.get(name) for row in rows])
    except pa.ArrowException as error:
        raise ValueError(f"{name}: expected values of one type: {error}") from error
