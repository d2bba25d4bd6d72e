"""Pairs of the traffic that the model does not know its way with, kept as a pool for the next round."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock

import numpy as np

from darl.data.writers import write_pairs
from darl.pairs import Pair
from darl.predictions import FloatArray
from darl.serve.cache import pair_digest
from darl.serve.metrics import Metrics
from darl.serve.redaction import Redaction
from darl.serve.settings import CaptureSettings


class Capture:
    """Keeps distinct pairs of high ood_percentile, a Parquet file at a time; threads may share it.

    Args:
        settings: Which, how many and where.
        metrics: Told how many.
        rng: Draws the share.
    """

    def __init__(self, settings: CaptureSettings, metrics: Metrics, rng: np.random.Generator) -> None:
        self._settings, self._metrics, self._rng = settings, metrics, rng
        self._seen: set[bytes] = set()
        self._pairs: list[Pair] = []
        self._fields: tuple[str, ...] = ()
        self._lock, self._files = Lock(), 0
        self._redaction = Redaction(settings.redact)
        settings.folder.mkdir(parents=True, exist_ok=True)

    def offer(self, pairs: Sequence[Pair], percentiles: FloatArray, fields: Sequence[str]) -> bool:
        """Keep those that are wanted.

        Args:
            pairs: N pairs.
            percentiles: (N,) their ood_percentile.
            fields: Item fields that the model reads: it will want them of the pool too, be they empty.

        Returns:
            Whether a file is due: `write`.
        """
        settings = self._settings
        wanted = np.flatnonzero(percentiles >= settings.percentile)
        if not len(wanted):
            return False
        with self._lock:
            self._fields = tuple(fields)
            for row in wanted[self._rng.random(len(wanted)) < settings.share]:
                self._keep(self._redaction.pair(pairs[row]))
            return len(self._pairs) >= settings.file_pairs

    def write(self) -> None:
        """Write what has been kept since the last file, whole or not at all; nothing if that is nothing."""
        with self._lock:
            if not self._pairs:
                return
            self._files += 1
            name = f"ood-{datetime.now(UTC):%Y%m%dT%H%M%S}-{self._files:05d}.parquet"
            write_pairs(self._settings.folder / name, self._pairs, self._fields)
            self._pairs = []

    def _keep(self, pair: Pair) -> None:
        if not (pair.query.strip() and pair.item.strip()):
            return  # no file of pairs may hold it
        digest = pair_digest("", pair)
        if digest not in self._seen and len(self._seen) < self._settings.most:
            self._seen.add(digest)
            self._pairs.append(pair)
            self._metrics.captured.inc()
