"""Made pools with the structure of real ones: topics, queries, traffic that is new, and a little junk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from darl.models.base import TUNED
from darl.models.reference import Reference
from darl.pairs import Pair
from darl.predictions import Predictions

GRADES = ("irrelevant", "weak", "strong")
WIDTH = 576
KNOWN, HELD_OUT = 4000, 1000

TOPICS, KNOWN_TOPICS = 150, 100
"""What pairs are about; the model was trained on the first ones."""

NEW, JUNK = 0.15, 0.01
"""Shares of queries of the pool that are of new topics, and that are of none."""

PAIRS_A_QUERY = 20
BLOCK = 5000
"""Rows that are made together, from a seed of their own: any part of a pool can be made without the rest."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class World:
    """Where pairs come from: z = common + topic + query + noise, and grades by a linear head.

    Attributes:
        width: Features of a pair.
        seed: Of everything.
    """

    width: int = WIDTH
    seed: int = 0

    @cached_property
    def topics(self) -> Vectors:
        """(TOPICS + 1, width) centres; the last is of junk."""
        rng = np.random.default_rng([self.seed, 0])
        common = 0.8 * rng.standard_normal(self.width, dtype=np.float32)
        own = rng.standard_normal((TOPICS + 1, self.width), dtype=np.float32)
        own[-1] = 0
        return common + own

    @cached_property
    def spectrum(self) -> Vectors:
        """(width,) spread of what differs within a topic: a few directions hold most of it."""
        falling = np.arange(1, self.width + 1, dtype=np.float32) ** -0.5
        return falling / np.sqrt((falling**2).mean())

    @cached_property
    def head(self) -> Vectors:
        """(width, K) what makes logits of features."""
        rng = np.random.default_rng([self.seed, 1])
        return rng.standard_normal((self.width, len(GRADES)), dtype=np.float32) * np.float32(
            1.5 / np.sqrt(self.width)
        )

    def reference(self) -> Reference:
        """What detectors are fitted on: pairs of the known topics."""
        parts = [self._training(part, n) for part, n in ((2, KNOWN), (3, HELD_OUT))]
        (fit, pairs), (held_out, held_out_pairs) = parts
        return Reference({TUNED: fit}, pairs, fit.grades.astype(np.int64), {TUNED: held_out}, held_out_pairs)

    def _training(self, part: int, n: int) -> tuple[Predictions, tuple[Pair, ...]]:
        rng = np.random.default_rng([self.seed, part])
        topic = np.repeat(self._known_topics(rng, -(-n // PAIRS_A_QUERY)), PAIRS_A_QUERY)[:n]
        made = self._of(topic, rng)
        return made, tuple(pair_at(row, f"t{part}") for row in range(n))

    def _known_topics(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
        """(n,) topics, the first ones common and the last ones rare."""
        return (KNOWN_TOPICS * rng.random(n) ** 2).astype(np.int64)

    def block(self, number: int) -> Predictions:
        """Rows number * BLOCK to (number + 1) * BLOCK of the pool."""
        rng = np.random.default_rng([self.seed, 4, number])
        n = BLOCK // PAIRS_A_QUERY
        topic, kind = self._known_topics(rng, n), rng.random(n)
        new = KNOWN_TOPICS + rng.integers(0, TOPICS - KNOWN_TOPICS, n)
        topic = np.where(kind < NEW, new, topic)
        topic[kind > 1 - JUNK] = TOPICS
        return self._of(np.repeat(topic, PAIRS_A_QUERY), rng)

    def _of(self, topic: npt.NDArray[np.int64], rng: np.random.Generator) -> Predictions:
        n = len(topic)
        query = rng.standard_normal((-(-n // PAIRS_A_QUERY), self.width), dtype=np.float32)
        features = rng.standard_normal((n, self.width), dtype=np.float32)
        features *= 0.6
        features += 0.5 * np.repeat(query, PAIRS_A_QUERY, axis=0)[:n]
        features *= np.where(topic == TOPICS, 3, 1).astype(np.float32)[:, None] * self.spectrum
        features += self.topics[topic]
        logits = features @ self.head
        return Predictions(logits, softmax(logits, axis=1), features.astype(np.float16))

    def pool(self, n: int, start: int = 0) -> tuple[Predictions, npt.NDArray[np.int64]]:
        """Rows of the pool and the query of each; only the block in work is held twice.

        Args:
            n: How many.
            start: The first one, a multiple of BLOCK.
        """
        logits, probs = (np.empty((n, len(GRADES)), np.float32) for _ in range(2))
        features = np.empty((n, self.width), np.float16)
        for first in range(0, n, BLOCK):
            made = self.block((start + first) // BLOCK)[: n - first]
            rows = slice(first, first + len(made))
            logits[rows], probs[rows], features[rows] = made.logits, made.grade_probs, made.features
        return Predictions(logits, probs, features), np.arange(start, start + n) // PAIRS_A_QUERY

    def pairs(self, start: int, n: int) -> list[Pair]:
        """The texts of rows start .. start + n - 1 of the pool."""
        return [pair_at(row, "q") for row in range(start, start + n)]


def pair_at(row: int, prefix: str) -> Pair:
    """The texts of a row."""
    query = row // PAIRS_A_QUERY
    return Pair(f"{prefix}{query}", f"what is asked as number {query}", f"i{row}", f"item number {row}")
