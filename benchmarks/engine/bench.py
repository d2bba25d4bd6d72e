"""What a section gets to work with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.engine.contenders import INT8, Contender, exported, make
from benchmarks.engine.setup import Setup
from benchmarks.engine.texts import Corpus, many_queries


@dataclass(frozen=True)
class Bench:
    """A run of the benchmark.

    Attributes:
        setup: What is measured.
        corpus: The texts.
        train_pairs: Pairs of the training section's epoch.
        valid_pairs: Pairs its loss is measured on.
        seeds: Of the training section's repetitions.
        pool_max: The largest pool.
        chosen: The rivals' best settings, by contender, once they have been searched.
    """

    setup: Setup
    corpus: Corpus
    train_pairs: int
    valid_pairs: int
    seeds: tuple[int, ...]
    pool_max: int
    chosen: dict[str, Any] = field(default_factory=dict)

    def contenders(self, names: Iterable[str]) -> list[Contender]:
        """Those of these names that there are, not loaded yet."""
        there = [
            name
            for name in names
            if name != INT8 or exported(self.setup, many_queries(self.corpus, 20, 5)) is not None
        ]
        return [make(self.setup, name, self.chosen.get(name, {})) for name in there]
