"""Which pairs a step sees: pure functions of seed and epoch, so that a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darl.pairs import GradedPair

BUCKET_BATCHES = 16


@dataclass(frozen=True)
class Examples:
    """What a stage trains on.

    Args:
        main: Seen once an epoch.
        replay: Stock that is sampled, afresh each epoch, to keep what the model already knows.
        share: Share of the epoch that is replay, in [0, 1); r main pairs come with r share / (1 - share)
            replayed ones, or all the stock if it is smaller.

    Raises:
        ValueError: `share` is not in [0, 1).
    """

    main: tuple[GradedPair, ...]
    replay: tuple[GradedPair, ...] = ()
    share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share: expected 0 <= share < 1, received {self.share}")

    @property
    def all(self) -> tuple[GradedPair, ...]:
        """Everything that may be seen; indices of an epoch count in it."""
        return self.main + self.replay

    @property
    def replayed(self) -> int:
        """How many replayed pairs an epoch has."""
        return min(len(self.replay), round(len(self.main) * self.share / (1 - self.share)))

    def __len__(self) -> int:
        return len(self.main) + self.replayed

    def epoch(self, rng: np.random.Generator) -> list[int]:
        """Indices into `all` of one epoch."""
        replay = rng.choice(len(self.replay), self.replayed, replace=False) + len(self.main)
        return [*range(len(self.main)), *sorted(replay.tolist())]


def shuffled_batches(
    rows: Sequence[int], lengths: Sequence[int], batch_size: int, rng: np.random.Generator
) -> list[list[int]]:
    """Batches of `batch_size` rows of similar length (less padding), in random order.

    Rows are shuffled, sorted by length within buckets of 16 batches, cut, and the batches shuffled: what
    shares a batch still changes from epoch to epoch. The last batch may be smaller.

    Args:
        rows: What to put into batches.
        lengths: Length of each row, indexed by row.
        batch_size: Rows a batch.
        rng: Draws.
    """
    order = [rows[i] for i in rng.permutation(len(rows))]
    bucket = batch_size * BUCKET_BATCHES
    buckets = [order[start : start + bucket] for start in range(0, len(order), bucket)]
    flat = [row for part in buckets for row in sorted(part, key=lambda row: lengths[row])]
    batches = [flat[start : start + batch_size] for start in range(0, len(flat), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]
