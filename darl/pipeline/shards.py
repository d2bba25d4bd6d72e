"""Predictions as the Parquet files of a folder: one fixed schema, each file whole or not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from darl.data.parquet import parquet_faults
from darl.errors import ConfigError, DataError, Fault
from darl.files import whole_file
from darl.grades import GradeScale
from darl.pairs import Pair
from darl.pipeline.rows import ABSTAIN, check_columns, prediction_rows
from darl.pipeline.told import Told
from darl.predictions import FloatArray, Predictions

Rows = npt.NDArray[np.int64]

FEATURES, LOGITS, OWN_PROBS = "features", "logits", "own_probs"
TEXTS = ("query_id", "query", "item_id", "item", "domain")
LARGEST_HALF = float(np.finfo(np.float16).max)
READ_ROWS = 8192
"""Rows of a shard that are unpacked together."""


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number`, counted from 0, goes."""
    return folder / f"part-{number:05d}.parquet"


class ShardForm(NamedTuple):
    """What every shard of a folder has.

    Attributes:
        scale: The grades.
        fields: The extra item fields, "" where an item has none.
        features: Whether the model's features are kept, its logits and its own probabilities with them.
        measures: The columns of what else is measured of the pairs.
        abstains: Whether a rule says of each pair if it is to be relied on.
    """

    scale: GradeScale
    fields: tuple[str, ...]
    features: bool
    measures: tuple[str, ...] = ()
    abstains: bool = False

    @classmethod
    def of(
        cls,
        scale: GradeScale,
        fields: Sequence[str],
        *,
        features: bool,
        measures: Sequence[str] = (),
        abstains: bool = False,
    ) -> ShardForm:
        """The same, checked.

        Raises:
            ConfigError: The prompt reads an item field whose column features, logits or a measure would take.
        """
        taken = [name for name in (LOGITS, OWN_PROBS, FEATURES) if features and name in fields]
        if taken:
            fault = f"the model's prompt reads an item field of that name, {taken[0]}: leave the option out"
            raise ConfigError("--features", [fault])
        check_columns(fields, measures)
        return cls(scale, tuple(fields), features, tuple(measures), abstains)

    @property
    def schema(self) -> pa.Schema:
        """Columns and types without the features: texts, float32 numbers, and a yes or no."""
        types = dict.fromkeys((*TEXTS, *self.fields), pa.string())
        types |= {"score": pa.float32(), "grade": pa.string()}
        probs = [f"prob_{name}" for name in self.scale.names]
        types |= dict.fromkeys([*probs, *self.measures], pa.float32())
        return pa.schema(types | ({ABSTAIN: pa.bool_()} if self.abstains else {}))

    def write(self, path: Path, pairs: Sequence[Pair], predictions: Predictions, told: Told) -> None:
        """Write one shard, whole or not at all; what is equal gives equal bytes."""
        rows = list(prediction_rows(pairs, told, self.scale, self.fields))
        table = pa.Table.from_pylist(rows, schema=self.schema)
        if self.features:
            own = {LOGITS: predictions.logits, OWN_PROBS: predictions.grade_probs}
            for name, matrix in own.items():
                table = table.append_column(name, _lists(matrix.astype(np.float32)))
            table = table.append_column(FEATURES, _lists(_halves(predictions.features)))
        # Numbers hardly repeat: dictionaries of them take several times as long and save nothing.
        texts = [*TEXTS, *self.fields, "grade"]
        with whole_file(path) as temporary:
            pq.write_table(table, temporary, use_dictionary=texts)

    def width(self, path: Path, n: int) -> int:
        """Features of a pair in a shard, when its columns and its number of rows are what they should be.

        Raises:
            DataError: They are not, or the file is damaged.
        """
        with path.open("rb") as handle, parquet_faults(str(path), handle):
            found = pq.ParquetFile(handle)
            there, rows = found.schema_arrow, found.metadata.num_rows
        faults = []
        if not self._fits(there):
            columns = ", ".join([*self.schema.names, LOGITS, OWN_PROBS, FEATURES])
            received = ", ".join(f"{field.name} ({field.type})" for field in there)
            faults.append(f"expected the columns {columns}, as darl writes them, received {received}")
        if rows != n:
            faults.append(f"expected {n} rows, received {rows}")
        if faults:
            raise DataError(str(path), [Fault(str(path), 0, "", fault) for fault in faults])
        return int(there.field(FEATURES).type.list_size)

    def _fits(self, there: pa.Schema) -> bool:
        """Whether these are the columns of a shard with features, of whatever width.

        `abstain` may be there or not: a graded folder stays a model's own when its rule comes or goes.
        """
        schema = self._replace(abstains=ABSTAIN in there.names).schema
        texts_and_numbers, lists = list(there)[:-3], list(there)[-3:]
        kinds = [(LOGITS, pa.float32()), (OWN_PROBS, pa.float32()), (FEATURES, pa.float16())]
        return [(one.name, one.type) for one in texts_and_numbers] == [
            (one.name, one.type) for one in schema
        ] and all(
            one.name == name and pa.types.is_fixed_size_list(one.type) and one.type.value_type == kind
            for one, (name, kind) in zip(lists, kinds, strict=True)
        )

    def parts(self, path: Path) -> Iterator[Part]:
        """A shard with features, some rows at a time.

        Raises:
            DataError: The file is damaged.
        """
        start = 0
        for batch in _batches(path, ["query_id", LOGITS, OWN_PROBS, FEATURES]):
            part = self._part(start, batch)
            start += batch.num_rows
            del batch
            yield part
            del part

    def _part(self, start: int, batch: pa.RecordBatch) -> Part:
        predictions = Predictions(*(_matrix(batch, name) for name in (LOGITS, OWN_PROBS, FEATURES)))
        return Part(start, query_numbers(batch.column("query_id")), predictions)

    def pairs(self, path: Path, rows: Rows) -> list[Pair]:
        """The pairs of some rows of a shard, in rising order.

        Raises:
            DataError: The file is damaged.
        """
        taken = _taken(path, [*TEXTS, *self.fields], rows)
        return [self._pair(row) for batch in taken for row in batch.to_pylist()]

    def _pair(self, row: Mapping[str, str]) -> Pair:
        fields = tuple((name, row[name]) for name in self.fields if row[name])
        return Pair(**{name: row[name] for name in TEXTS}, fields=fields)

    def features_of(self, path: Path, rows: Rows) -> npt.NDArray[np.float16]:
        """(len(rows), D) features of some rows of a shard, in rising order; at least one.

        Raises:
            DataError: The file is damaged.
        """
        return np.concatenate([_matrix(batch, FEATURES) for batch in _taken(path, [FEATURES], rows)])


class Part(NamedTuple):
    """Some rows of a shard, one after another.

    Attributes:
        start: The first one, counted from 0 in the shard.
        queries: (n,) which of them are of one query; see `query_numbers`.
        predictions: What the model said of them; features are float16.
    """

    start: int
    queries: npt.NDArray[np.int64]
    predictions: Predictions


def query_numbers(names: pa.Array) -> npt.NDArray[np.int64]:
    """(N,) a number for each query_id, the same in every shard: 8 bytes of its hash.

    Numbers by order of appearance would have to be remembered, a name each. Of ten million queries, two get
    the same number with a probability of 3 in a million.
    """
    encoded = names.dictionary_encode()
    digests = [
        blake2b(name.encode("utf-8"), digest_size=8).digest() for name in encoded.dictionary.to_pylist()
    ]
    numbers = np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)
    of_rows: npt.NDArray[np.int64] = numbers[encoded.indices.to_numpy()]
    return of_rows


def _batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as handle, parquet_faults(str(path), handle):
        # Another thread would read ahead.
        yield from pq.ParquetFile(handle).iter_batches(READ_ROWS, columns=columns, use_threads=False)


def _taken(path: Path, columns: list[str], rows: Rows) -> Iterator[pa.RecordBatch]:
    """The rows that are asked for, those of a batch together."""
    start = 0
    for batch in _batches(path, columns):
        if start > rows[-1]:
            return
        inside = rows[(start <= rows) & (rows < start + batch.num_rows)]
        if len(inside):
            yield batch.take(pa.array(inside - start))
        start += batch.num_rows


def _matrix(batch: pa.RecordBatch, name: str) -> npt.NDArray[Any]:
    """A column of N lists of D numbers, as (N, D)."""
    column = batch.column(name)
    matrix: npt.NDArray[Any] = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return matrix


def _halves(features: FloatArray) -> npt.NDArray[np.float16]:
    """The same as float16; what float16 cannot hold becomes its largest number."""
    halves = np.empty(features.shape, np.float16)
    np.clip(features, -LARGEST_HALF, LARGEST_HALF, out=halves, casting="unsafe")  # no second copy in float32
    return halves


def _lists(matrix: npt.NDArray[Any]) -> pa.Array:
    """(N, D) as N lists of D numbers."""
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])
