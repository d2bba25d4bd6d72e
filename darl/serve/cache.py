"""Answers that are kept for pairs that come again: the least recently asked go first."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from darl.pairs import Pair
from darl.serve.answers import Table

Row = bytes
# What an entry takes beside its numbers: two bytes objects, a place in the ordering.
ENTRY_BYTES = 160


class AnswerCache:
    """The rows of pairs that have been answered, without their texts: pairs are known by a digest.

    Two pairs of equal digest are taken for one; with 128 bits that is not to be expected in any traffic.
    It belongs to one thread.

    Args:
        most_bytes: What it may hold; 0 keeps nothing.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._rows: OrderedDict[bytes, Row] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self, model: str, pairs: Sequence[Pair]) -> list[bytes]:
        """What pairs are known by, under a model's digest; none where nothing is kept."""
        return [pair_digest(model, pair) for pair in pairs] if self.most_bytes else []

    def find(self, keys: Sequence[bytes]) -> dict[int, Row]:
        """By place, the rows that are kept."""
        found = {}
        for place, key in enumerate(keys):
            if (row := self._rows.get(key)) is not None:
                self._rows.move_to_end(key)
                found[place] = row
        return found

    def keep(self, keys: Sequence[bytes], table: Table) -> None:
        """Keep what was answered, and let go of what was asked longest ago."""
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
        self._rows.clear()
        self.bytes = 0


def read_row(row: Row) -> Table:
    """(1, 6 + K) a kept row."""
    return np.frombuffer(row, np.float64)[None]


def pair_digest(model: str, pair: Pair) -> bytes:
    """What a pair is known by, under a model's digest."""
    content = repr((model, pair.query, pair.item, pair.domain, pair.fields))
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
