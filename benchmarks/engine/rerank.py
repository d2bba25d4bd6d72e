"""Scoring lists of items, as a search page or a grading job does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.engine.bench import Bench
from benchmarks.engine.clock import in_turn, say
from benchmarks.engine.contenders import CAUSAL, CE_BEST, CE_DEFAULT, DARL, INT8, Contender, prepared
from benchmarks.engine.cross_encoder import CrossEncoderContender
from benchmarks.engine.search import search
from benchmarks.engine.stats import rank_correlation
from benchmarks.engine.texts import judged_pool, one_query
from benchmarks.engine.tokens import decoder_parameters, work_of
from darl.pairs import Pair

ALL = (CE_DEFAULT, CE_BEST, CAUSAL, DARL, INT8)
BEST = (CE_BEST, DARL, INT8)
WARM = 4


class List(NamedTuple):
    """A set of pairs, how often it is scored, and by whom (a rival takes minutes for the larger ones)."""

    pairs: list[Pair]
    rounds: int
    contenders: tuple[str, ...]


def lists(bench: Bench) -> dict[str, List]:
    """The sets by name."""
    corpus = bench.corpus
    if bench.setup.quick:
        return {
            "1 x 8": List(one_query(corpus, 8), 1, ALL),
            "mixed 4 x 3": List(judged_pool(corpus, 4, 3), 1, BEST),
        }
    if bench.setup.device == "cuda":
        sizes = {"1 x 20": (20, 20), "1 x 100": (100, 20), "1 x 1000": (1000, 7)}
        found = {name: List(one_query(corpus, n), rounds, ALL) for name, (n, rounds) in sizes.items()}
        return found | {"mixed 20 x 20": List(judged_pool(corpus, 20, 20), 10, ALL)}
    return {
        "1 x 20": List(one_query(corpus, 20), 5, ALL),
        "1 x 100": List(one_query(corpus, 100), 5, ALL),
        "1 x 1000": List(one_query(corpus, 1000), 2, BEST),
        "mixed 20 x 20": List(judged_pool(corpus, 20, 20), 2, BEST),
    }


def run_search(bench: Bench) -> dict[str, Any]:
    """The rivals' best settings on one query's items."""
    n = 8 if bench.setup.quick else {"cpu": 64, "cuda": 512}[bench.setup.device]
    return search(bench.setup, one_query(bench.corpus, n))


def run_rerank(bench: Bench) -> dict[str, Any]:
    """Every set by its contenders in turn."""
    sets = lists(bench)
    sample = list(sets.values())[-1].pairs  # of many queries
    known = prepared(bench.contenders(ALL), sample[:WARM])
    reader = bench.setup.model()
    found = {}
    for name, (pairs, rounds, names) in sets.items():
        ready = {one: known[one] for one in names if one in known}
        work = work_of(reader, pairs)
        say(f"{name}: {work.tokens} tokens, {work.distinct} of them distinct; {rounds} round(s)")
        seconds, scores = in_turn(_calls(ready, pairs), rounds, _teller(name, len(pairs)))
        found[name] = {
            "work": work._asdict(),
            "rounds": rounds,
            "seconds": seconds,
            "agreement": agreement({one: scores[one] for one in ready if ready[one].graded}),
        }
    return {
        "decoder_parameters": decoder_parameters(reader),
        "contenders": {one.name: described(one) for one in known.values()},
        "same_texts": same_texts(known[CE_DEFAULT], reader.prompt.encode(sample), sample),
        "sets": found,
    }


def described(contender: Contender) -> dict[str, str]:
    """What a table says of a contender."""
    return {"description": contender.description, "dtype": contender.dtype}


def _calls(
    ready: Mapping[str, Contender], pairs: Sequence[Pair]
) -> dict[str, Callable[[], npt.NDArray[np.float64]]]:
    def call(one: Contender) -> Callable[[], npt.NDArray[np.float64]]:
        return lambda: one.score(pairs)

    return {name: call(one) for name, one in ready.items()}


def _teller(what: str, pairs: int) -> Callable[[str, float], None]:
    return lambda name, seconds: say(f"{what}: {name}: {seconds:.2f} s, {pairs / seconds:.1f} pairs/s")


def agreement(scores: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, dict[str, float | None]]:
    """How near each contender's expected grades are to those of the first: are they the same model?

    Returns:
        By contender: "largest" difference in grades, and Spearman's "rank" correlation.
    """
    base = next(iter(scores))
    found: dict[str, dict[str, float | None]] = {}
    for name, values in scores.items():
        largest = float(np.abs(values - scores[base]).max())
        found[name] = {"largest": largest, "rank": rank_correlation(scores[base].tolist(), values.tolist())}
    return found


def same_texts(
    rival: Contender, ours: Sequence[dict[str, list[int]]], pairs: Sequence[Pair]
) -> dict[str, int]:
    """How many of the texts are the same tokens for CrossEncoder and for darl."""
    if not isinstance(rival, CrossEncoderContender):
        raise TypeError(f"expected a CrossEncoderContender, received {type(rival).__name__}")
    theirs = rival.token_ids(pairs)
    same = sum(a == b["input_ids"] for a, b in zip(theirs, ours, strict=True))
    return {"compared": len(pairs), "identical": same}
