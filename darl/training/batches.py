"""Which pairs a step sees: pure functions of seed and epoch, so that a resumed run sees the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

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
    rows: Sequence[int],
    lengths: Sequence[int],
    queries: Sequence[int],
    batch_size: int,
    items_per_query: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Batches of rows of similar length (less padding), in random order, each row in one of them.

    Rows of one query are drawn into groups of `items_per_query`, groups are shuffled, sorted by length within
    buckets of 16 batches and put into batches, which are shuffled: what shares a batch still changes from
    epoch to epoch. A group is never divided, so that batches may fall short of `batch_size`.

    Args:
        rows: What to put into batches.
        lengths: Length of each row, indexed by row.
        queries: A number of each row's query, indexed by row.
        batch_size: Rows a batch, at most.
        items_per_query: Rows of one query that stay together, at most `batch_size`; the rest of a query is
            a smaller group.
        rng: Draws.
    """
    order = [rows[i] for i in rng.permutation(len(rows))]
    together = min(items_per_query, batch_size)
    groups = _groups(order, queries, together)
    size = BUCKET_BATCHES * (batch_size // together)
    buckets = [groups[start : start + size] for start in range(0, len(groups), size)]
    batches: list[list[int]] = []
    for group in (
        one for part in buckets for one in sorted(part, key=lambda one: max(lengths[row] for row in one))
    ):
        if batches and len(batches[-1]) + len(group) <= batch_size:
            batches[-1] += group
        else:
            batches.append(list(group))
    return [batches[i] for i in rng.permutation(len(batches))]


def micro_batches(
    batch: Sequence[int], queries: Sequence[int], size: int, items_per_query: int
) -> list[list[int]]:
    """A batch's rows in their order, cut into parts of at most `size`.

    Neighbours of one query stay together, `items_per_query` at a time, as far as a part has room for them:
    otherwise an objective that compares them would not see them all.

    Args:
        batch: (B,) rows, as `shuffled_batches` gives them.
        queries: (B,) a number of each row's query.
        size: Rows a part, at most.
        items_per_query: As in `shuffled_batches`.
    """
    together = min(items_per_query, size)
    parts: list[list[int]] = []
    for _, neighbours in groupby(zip(batch, queries, strict=True), key=itemgetter(1)):
        rows = [row for row, _ in neighbours]
        for start in range(0, len(rows), together):
            group = rows[start : start + together]
            if parts and len(parts[-1]) + len(group) <= size:
                parts[-1] += group
            else:
                parts.append(group)
    return parts


def shares(
    batch: Sequence[int],
    queries: Sequence[int],
    micro_batch_size: int | None,
    items_per_query: int,
    rank: int,
    world: int,
) -> list[tuple[list[int], float]]:
    """One process's micro-batches of a step, each with its share of the step's mean loss.

    Args:
        batch: (B,) the rows of the step, over all processes.
        queries: (B,) a number of each row's query.
        micro_batch_size: Rows a micro-batch, at most; None = all that the process has.
        items_per_query: As in `shuffled_batches`.
        rank: Number of the process.
        world: How many processes there are.
    """
    even = math.ceil(len(batch) / world)
    size = micro_batch_size or items_per_query * math.ceil(even / items_per_query)
    cut = micro_batches(batch, queries, size, items_per_query)
    while len(cut) % world:
        cut.append([])
    # A process with nothing to do still takes part: gradients are exchanged by all or by none.
    return [(rows or list(batch[:1]), len(rows) / len(batch)) for rows in cut[rank::world]]


def _groups(order: Sequence[int], queries: Sequence[int], size: int) -> list[list[int]]:
    """Rows of one query, `size` at a time, in the order in which each group's first row comes."""
    groups: list[list[int]] = []
    unfilled: dict[int, list[int]] = {}
    for row in order:
        group = unfilled.get(queries[row])
        if group is None or len(group) == size:
            unfilled[queries[row]] = group = []
            groups.append(group)
        group.append(row)
    return groups
