"""How the rate changes with items a query, with the length of an item, and with the size of a pool."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.engine.bench import Bench
from benchmarks.engine.child import resident
from benchmarks.engine.clock import in_turn, say, timed
from benchmarks.engine.contenders import CE_BEST, DARL, INT8, Contender, prepared
from benchmarks.engine.rerank import described
from benchmarks.engine.setup import Setup
from benchmarks.engine.shapes import make_shape
from benchmarks.engine.texts import endless, many_queries, of_length
from benchmarks.engine.tokens import work_of
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import Pair

NAMES = (CE_BEST, DARL, INT8)
ITEMS, PAIRS = (1, 2, 5, 10, 20, 50, 100), 100
LENGTHS, ITEMS_AT_LENGTH = (8, 25, 50, 100, 200), 24
CHUNK, ITEMS_IN_POOL = 50_000, 50

Points = dict[int, list[Pair]]


def run_items(bench: Bench) -> dict[str, Any]:
    """The same number of pairs, shared out among fewer and fewer queries."""
    quick = bench.setup.quick
    items, pairs = ((1, 4), 4) if quick else (ITEMS, PAIRS)
    return _measure(bench, {n: many_queries(bench.corpus, pairs // n, n) for n in items}, "items a query")


def run_length(bench: Bench) -> dict[str, Any]:
    """One query with longer and longer items."""
    reader = bench.setup.model()
    lengths, n = ((8, 50), 2) if bench.setup.quick else (LENGTHS, ITEMS_AT_LENGTH)
    points = {length: of_length(reader, bench.corpus, length, n) for length in lengths}
    return _measure(bench, points, "tokens an item")


def _measure(bench: Bench, points: Points, axis: str) -> dict[str, Any]:
    known = prepared(bench.contenders(NAMES), next(iter(points.values()))[:4])
    reader = bench.setup.model()
    found = []
    rounds = 3 if bench.setup.device == "cuda" else 1
    for at, pairs in points.items():
        calls = {name: _call(one, pairs) for name, one in known.items()}
        seconds, _ = in_turn(calls, rounds, lambda name, s, at=at: say(f"{axis} {at}: {name}: {s:.2f} s"))  # type: ignore[misc]
        found.append({"at": at, "work": work_of(reader, pairs)._asdict(), "seconds": seconds})
    contenders = {one.name: described(one) for one in known.values()}
    return {"axis": axis, "rounds": rounds, "contenders": contenders, "points": found}


def _call(one: Contender, pairs: Sequence[Pair]) -> Callable[[], npt.NDArray[np.float64]]:
    return lambda: one.score(pairs)


def run_pool(bench: Bench) -> dict[str, Any]:
    """Pools of growing size through darl, with a tiny model: what the work around the model costs."""
    folder = make_shape("tiny", bench.setup.workspace / "tiny", bench.setup.folder)
    tiny: Setup = replace(bench.setup, backbone=str(folder), folder=folder, label="tiny")
    model = tiny.model()
    model.predict(list(itertools.islice(endless(bench.corpus, ITEMS_IN_POOL), 100)))
    found = []
    for size in pool_sizes(1000 if bench.setup.quick else bench.pool_max):
        seconds, memory = timed(lambda size=size: _stream(model, bench, size))  # type: ignore[misc]
        found.append({"at": size, "seconds": {DARL: [seconds]}, "resident_bytes": memory})
        say(f"pool of {size:,}: {seconds:.1f} s, {size / seconds:,.0f} pairs/s, {memory / 2**20:,.0f} MiB")
    return {"axis": "pairs in the pool", "chunk": CHUNK, "items_a_query": ITEMS_IN_POOL, "points": found}


def pool_sizes(largest: int) -> list[int]:
    """Powers of ten from 1,000, and the largest.

    >>> pool_sizes(20_000)
    [1000, 10000, 20000]
    """
    powers = itertools.takewhile(lambda size: size < largest, (10**i for i in itertools.count(3)))
    return [*powers, largest]


def _stream(model: NeuralRelevanceModel, bench: Bench, size: int) -> int:
    """Score so many pairs, a chunk at a time; the most memory that was in use after a chunk."""
    pairs = itertools.islice(endless(bench.corpus, ITEMS_IN_POOL), size)
    most = 0
    for chunk in _chunks(pairs):
        model.predict(chunk)
        most = max(most, resident("VmRSS"))
    return most


def _chunks(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    while chunk := list(itertools.islice(pairs, CHUNK)):
        yield chunk
