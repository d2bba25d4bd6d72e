"""The rivals' best settings, found in the same run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.engine.causal import CausalReranker
from benchmarks.engine.clock import say, timed
from benchmarks.engine.contenders import CAUSAL, CE_BEST
from benchmarks.engine.cross_encoder import CrossEncoderContender
from benchmarks.engine.setup import Setup
from darl.pairs import Pair

CE_BATCHES = {"cpu": (4, 8, 16, 32, 64), "cuda": (16, 32, 64, 128, 256)}
CAUSAL_BATCHES = {"cpu": (8, 16, 32), "cuda": (16, 64, 128)}
PROBE_SECONDS = 1.0
HOPELESS = 2.0  # times slower than the first dtype: bfloat16 that a CPU has to emulate

Tried = dict[str, Any]


def search(setup: Setup, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Each rival's fastest settings on these pairs, and everything that was tried.

    Returns:
        {"tried": [...], "chosen": {contender: settings}}.
    """
    tried = _cross_encoder(setup, pairs) + _causal(setup, pairs[: max(CAUSAL_BATCHES[setup.device])])
    chosen = {}
    for name in (CE_BEST, CAUSAL):
        whole = [one for one in tried if one["name"] == name and not one["probe_only"]]
        best = max(whole, key=lambda one: one["pairs_per_s"])
        chosen[name] = best["settings"]
        say(f"{name}: {best['settings']}")
    return {"tried": tried, "chosen": chosen, "pairs": len(pairs)}


def _cross_encoder(setup: Setup, pairs: Sequence[Pair]) -> list[Tried]:
    """Number type x batch size; a dtype that a probe finds hopeless is not tried further."""
    tried: list[Tried] = []
    first = 0.0
    for dtype in ("float32", "bfloat16") if setup.device == "cpu" else ("bfloat16",):
        model = CrossEncoderContender(setup, CE_BEST, dtype)
        model.prepare()
        rate = probe(model, pairs)
        first = first or rate
        if rate * HOPELESS < first:
            say(f"{CE_BEST}: {dtype} {rate:.1f} pairs/s in a probe, {first / rate:.1f} times slower: left")
            tried.append(_tried(CE_BEST, {"dtype": dtype, "batch_size": 1}, rate, probe_only=True))
            continue
        for size in _sizes(setup, CE_BATCHES):
            rate = _rate(model.with_batch(size), pairs)
            tried.append(_tried(CE_BEST, {"dtype": dtype, "batch_size": size}, rate))
    return tried


def _causal(setup: Setup, pairs: Sequence[Pair]) -> list[Tried]:
    """Batch size x where logits are computed."""
    model = CausalReranker(setup, CAUSAL)
    model.prepare()
    model.score(pairs[:4])
    tried = []
    for last_only in (True,) if setup.quick else (False, True):
        for size in _sizes(setup, CAUSAL_BATCHES):
            rate = _rate(model.with_options(size, last_only), pairs)
            tried.append(_tried(CAUSAL, {"batch_size": size, "last_only": last_only}, rate))
    return tried


def _sizes(setup: Setup, batches: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    sizes = batches[setup.device]
    return sizes[-1:] if setup.quick else sizes


def probe(model: CrossEncoderContender, pairs: Sequence[Pair]) -> float:
    """Pairs a second, one by one, in about a second; the first (kernels are chosen) is not counted."""
    part, few = pairs[:1], model.with_batch(1)
    few.score(part)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < PROBE_SECONDS:
        done += len(few.score(part))
    return done / (time.perf_counter() - began)


def _rate(model: CrossEncoderContender | CausalReranker, pairs: Sequence[Pair]) -> float:
    return len(pairs) / timed(lambda: model.score(pairs))[0]


def _tried(name: str, settings: dict[str, Any], rate: float, probe_only: bool = False) -> Tried:
    say(f"search: {name} {settings}: {rate:.1f} pairs/s")
    return {"name": name, "settings": settings, "pairs_per_s": rate, "probe_only": probe_only}
