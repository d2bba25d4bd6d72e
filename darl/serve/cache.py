"""What is kept for pairs and texts that come again: what was asked for longest ago goes first."""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from darl.models.packing import Ids
from darl.pairs import Pair
from darl.serve.answers import Table
from darl.serve.metrics import Metrics
from darl.vectors import Vectors

Row = bytes
# What an entry takes beside its numbers: two bytes objects, a place in the ordering.
ENTRY_BYTES = 160


class Kept:
    """Numbers by the digest of what they are of; threads may share it.

    Things of equal digest are taken for one; with 128 bits that is not to be expected in any traffic.

    Args:
        most_bytes: What it may hold; 0 keeps nothing.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._rows: OrderedDict[bytes, Row] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, keys: Sequence[bytes]) -> dict[int, Row]:
        """By place, the rows that are kept."""
        found = {}
        with self._lock:
            for place, key in enumerate(keys):
                if (row := self._rows.get(key)) is not None:
                    self._rows.move_to_end(key)
                    found[place] = row
        return found

    def keep(self, keys: Sequence[bytes], table: Table | Vectors) -> None:
        """Keep rows of numbers, and let go of what was asked for longest ago."""
        with self._lock:
            for key, row in zip(keys, table, strict=True):
                content = row.tobytes()
                if key not in self._rows:
                    self.bytes += len(content) + ENTRY_BYTES
                self._rows[key] = content
            while self.bytes > self.most_bytes:
                _, row = self._rows.popitem(last=False)
                self.bytes -= len(row) + ENTRY_BYTES

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._rows.clear()
            self.bytes = 0


class AnswerCache(Kept):
    """The rows of pairs that have been answered, without their texts."""

    def keys(self, model: str, pairs: Sequence[Pair]) -> list[bytes]:
        """What pairs are known by, under a model's digest; none where nothing is kept."""
        return [pair_digest(model, pair) for pair in pairs] if self.most_bytes else []


class ReadingCache(Kept):
    """What texts were read as, by models that read query and item apart; without the texts.

    Args:
        most_bytes: What it may hold.
        metrics: Told of every text that is looked for.
    """

    def __init__(self, most_bytes: int, metrics: Metrics) -> None:
        super().__init__(most_bytes)
        self.metrics = metrics

    def of(self, model: str) -> KeptReadings:
        """Those of a model, known by its digest."""
        return KeptReadings(self, model.encode())


@dataclass(frozen=True)
class KeptReadings:
    """A model's readings of texts; satisfies darl.models.apart.Readings."""

    cache: ReadingCache
    model: bytes

    def find(self, texts: Sequence[Ids]) -> dict[int, Vectors]:
        """By place among the texts, (D,) the readings that are kept."""
        found = self.cache.find(self._keys(texts))
        self.cache.metrics.read(len(texts), len(found))
        return {place: np.frombuffer(row, np.float32) for place, row in found.items()}

    def keep(self, texts: Sequence[Ids], readings: Vectors) -> None:
        """Keep (n, D) readings of n texts."""
        self.cache.keep(self._keys(texts), readings)
        self.cache.metrics.readings_bytes.set(self.cache.bytes)

    def _keys(self, texts: Sequence[Ids]) -> list[bytes]:
        return [_digest(self.model + array("q", ids).tobytes()) for ids in texts]


def read_row(row: Row) -> Table:
    """(1, 6 + K) a kept row."""
    return np.frombuffer(row, np.float64)[None]


def pair_digest(model: str, pair: Pair) -> bytes:
    """What a pair is known by, under a model's digest."""
    content = repr((model, pair.query, pair.item, pair.domain, pair.fields))
    return _digest(content.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
