"""Pairs for a warm-up, from a catalogue alone: pseudo-queries, and items that fit, nearly fit and do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darl.data.cells import made_query_id
from darl.data.item_words import ItemWords, words_in
from darl.data.items import Item
from darl.data.pseudo_queries import pseudo_query
from darl.data.splits import normalise_query
from darl.errors import DataError, Fault
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.progress import SILENT, Progress, task

TRIES = 5
"""Times the number of wanted queries that items are asked for one: some are there already, or offer none."""

KIN, ALIEN = 0.15, 0.08
"""A near miss is at least so like the item that a query is made of (cosine of weighted words), or is not
quite unlike it and has most of the query; what does not fit is at most so like it."""

CROWD = 10
"""Near misses are drawn among so many of the nearest."""

WHOLE = 1 - 1e-9

Rng = np.random.Generator
Rows = npt.NDArray[np.int64]


STREAM = 2
"""Of a seed: what pairs are drawn with, beside the batches and an anchor's pairs of the same seed."""


class Shape(NamedTuple):
    """How many pairs are wanted.

    Attributes:
        queries: Pseudo-queries.
        near: Near misses of each.
        far: Items of each that do not fit.
    """

    queries: int = 2000
    near: int = 1
    far: int = 1

    @property
    def pairs(self) -> int:
        """Pairs, if no query falls short."""
        return self.queries * (1 + self.near + self.far)


def warm_pairs(
    items: Sequence[Item], scale: GradeScale, shape: Shape, rng: Rng, progress: Progress = SILENT
) -> tuple[GradedPair, ...]:
    """Graded pairs that nobody has graded; what is drawn depends on the items, `shape` and `rng` alone.

    Each pseudo-query is made of an item (see pseudo_queries.py), each item in turn. Of K grades

    * the item itself has the highest;
    * a near miss has one between: it is like the item, the more of the query's words it has the rather, but
      lacks at least one of them. With K = 3 it is the middle grade; with more, 1 + floor(c (K - 2)), c < 1
      the share of the query's words that it has, by their weight. With K = 2 there is none between, and it
      has the lower;
    * what does not fit has the lowest: half the time it has some of the query's words (at most half their
      weight) and is otherwise unlike the item, else it has none.

    An item that has all of a query's words is no answer to be told from it, and is never taken. What an item
    is also called is not known: some of what is graded low would be graded higher by people.

    Args:
        items: Different ones, from `read_catalogue`.
        scale: The grades.
        shape: How many pairs.
        rng: Draws.
        progress: Told how far it is, and of how many pairs of which grades there are.

    Raises:
        DataError: No pseudo-query can be made of these items.
    """
    maker, found, known = (
        _Maker(items, ItemWords.of(items), scale, shape, rng),
        list[GradedPair](),
        set[str](),
    )
    with task(progress, "make pseudo-queries", shape.queries, "queries"):
        for row in _in_turn(len(items), TRIES * shape.queries, rng):
            if len(known) == shape.queries:
                break
            query = pseudo_query(items[row], maker.words, rng)
            if not query or normalise_query(query) in known:
                continue
            if pairs := maker.pairs(query, row):
                known.add(normalise_query(query))
                found += pairs
                progress.advance(1)
    if not found:
        message = (
            "expected titles with words that tell items apart, received none: no pseudo-query can be made"
        )
        raise DataError("catalogue", [Fault("catalogue", 0, "item", message)])
    counts = np.bincount([one.grade for one in found], minlength=len(scale))
    told = ", ".join(f"{n:,} {name}" for name, n in zip(scale.names, counts.tolist(), strict=True))
    progress.message(f"{len(known):,} pseudo-queries of {len(items):,} items: {len(found):,} pairs ({told})")
    return tuple(found)


def warm_rng(seed: int) -> Rng:
    """What the pairs of a seed are drawn with, wherever they are made."""
    return np.random.default_rng([seed, STREAM])


def _in_turn(n_items: int, n: int, rng: Rng) -> Iterator[int]:
    """So many rows: all items in random order, then all again in another."""
    while n > 0:
        yield from rng.permutation(n_items)[:n].tolist()
        n -= n_items


class _Maker(NamedTuple):
    """What the pairs of one query are made from."""

    items: Sequence[Item]
    words: ItemWords
    scale: GradeScale
    shape: Shape
    rng: Rng

    def pairs(self, query: str, row: int) -> list[GradedPair]:
        """The pairs of a query that was made of one of the items; none where nothing can be told from it."""
        coverage = self.words.coverage(word for word, _, _ in words_in(query))
        likeness = self.words.likeness(row)
        near = self._near(coverage, likeness)
        far = self._far(coverage, likeness)
        top = len(self.scale) - 1
        graded = [(row, top)] + [(one, self._between(float(coverage[one]))) for one in near]
        graded += [(one, 0) for one in far]
        query_id = made_query_id(query)
        whole = [GradedPair(self.items[one].asked(query_id, query), grade) for one, grade in graded]
        return whole if len(whole) > 1 else []

    def _between(self, covered: float) -> int:
        """The grade of a near miss.

        >>> maker = _Maker((), None, GradeScale(("0", "1", "2", "3", "4")), Shape(), None)
        >>> [maker._between(covered) for covered in (0.0, 0.3, 0.5, 0.99)]
        [1, 1, 2, 3]
        """
        steps = len(self.scale) - 2
        return min(1 + int(covered * steps), steps)

    def _near(self, coverage: npt.NDArray[np.float64], likeness: npt.NDArray[np.float64]) -> list[int]:
        kin = np.flatnonzero(
            (coverage < WHOLE) & ((likeness >= KIN) | ((likeness > ALIEN) & (coverage > 0.5)))
        )
        order = np.argsort(-(coverage + likeness)[kin], kind="stable")
        return self._draw(kin[order[: max(CROWD, self.shape.near)]], self.shape.near)

    def _far(self, coverage: npt.NDArray[np.float64], likeness: npt.NDArray[np.float64]) -> list[int]:
        alien = likeness <= ALIEN
        lures = np.flatnonzero(alien & (coverage > 0) & (coverage <= 0.5))
        others = np.flatnonzero(alien & (coverage == 0))
        n_lures = int(self.rng.binomial(self.shape.far, 0.5)) if len(others) else self.shape.far
        lured = self._draw(lures, n_lures)
        return lured + self._draw(others, self.shape.far - len(lured))

    def _draw(self, rows: Rows, n: int) -> list[int]:
        drawn: list[int] = (
            self.rng.choice(rows, min(n, len(rows)), replace=False).tolist() if len(rows) else []
        )
        return drawn
