"""Predictions as the Parquet files of a folder: one fixed schema, each file whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from darl.errors import ConfigError
from darl.files import whole_file
from darl.grades import GradeScale
from darl.pairs import Pair
from darl.pipeline.rows import prediction_rows
from darl.predictions import FloatArray, Predictions

FEATURES = "features"
TEXTS = ("query_id", "query", "item_id", "item", "domain")
LARGEST_HALF = float(np.finfo(np.float16).max)


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number`, counted from 0, goes."""
    return folder / f"part-{number:05d}.parquet"


class ShardForm(NamedTuple):
    """What every shard of a folder has.

    Attributes:
        scale: The grades.
        fields: The extra item fields, "" where an item has none.
        features: Whether the model's features are kept.
    """

    scale: GradeScale
    fields: tuple[str, ...]
    features: bool

    @classmethod
    def of(cls, scale: GradeScale, fields: Sequence[str], *, features: bool) -> ShardForm:
        """The same, checked.

        Raises:
            ConfigError: The prompt reads an item field whose column the features would take.
        """
        if features and FEATURES in fields:
            raise ConfigError(
                "--features", ["the model's prompt reads an item field of that name: leave the option out"]
            )
        return cls(scale, tuple(fields), features)

    @property
    def schema(self) -> pa.Schema:
        """Columns and types without the features: texts, and float32 scores and probabilities."""
        types = dict.fromkeys((*TEXTS, *self.fields), pa.string())
        types |= {"score": pa.float32(), "grade": pa.string()}
        return pa.schema(types | {f"prob_{name}": pa.float32() for name in self.scale.names})

    def write(self, path: Path, pairs: Sequence[Pair], predictions: Predictions) -> None:
        """Write one shard, whole or not at all; equal predictions give equal bytes."""
        rows = list(prediction_rows(pairs, predictions, self.scale, self.fields))
        table = pa.Table.from_pylist(rows, schema=self.schema)
        if self.features:
            table = table.append_column(FEATURES, _halves(predictions.features))
        # Numbers hardly repeat: dictionaries of them take several times as long and save nothing.
        texts = [*TEXTS, *self.fields, "grade"]
        with whole_file(path) as temporary:
            pq.write_table(table, temporary, use_dictionary=texts)


def _halves(features: FloatArray) -> pa.Array:
    """(N, D) as N lists of D float16; what float16 cannot hold becomes its largest number."""
    halves = np.empty(features.shape, np.float16)
    np.clip(features, -LARGEST_HALF, LARGEST_HALF, out=halves, casting="unsafe")  # no second copy in float32
    return pa.FixedSizeListArray.from_arrays(pa.array(halves.ravel()), features.shape[1])
