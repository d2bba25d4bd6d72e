"""From the options to the results: one section after the other, each saved when it is done."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers.utils import logging

from benchmarks.engine.bench import Bench
from benchmarks.engine.clock import say
from benchmarks.engine.cold import run_cold, run_memory
from benchmarks.engine.growth import run_items, run_length, run_pool
from benchmarks.engine.machine import ROWS, identity, peak
from benchmarks.engine.options import NEEDS_SEARCH, SECTIONS
from benchmarks.engine.page import render
from benchmarks.engine.plots import draw
from benchmarks.engine.rerank import run_rerank, run_search
from benchmarks.engine.setup import Setup
from benchmarks.engine.shapes import make_shape
from benchmarks.engine.store import Store
from benchmarks.engine.texts import load_corpus
from benchmarks.engine.training import run_training
from darl.errors import ConfigError
from darl.files import write_text
from darl.models.store import resolve

RUNNERS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "search": run_search,
    "rerank": run_rerank,
    "train": run_training,
    "cold": run_cold,
    "memory": run_memory,
    "items": run_items,
    "length": run_length,
    "pool": run_pool,
}
CURVES = ("items", "length", "pool")


def measure(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Run what the options ask for.

    Raises:
        DarlError: The texts, the model or the GPU are not there, or the results file is of another machine.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device", ["cuda: torch finds no GPU"])
    corpus = load_corpus(options.data)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with TemporaryDirectory(prefix="darl-engine-") as workspace:
        bench = Bench(
            setup_of(options, Path(workspace)),
            corpus,
            options.train_pairs,
            options.valid_pairs,
            options.seeds,
            options.pool_max,
        )
        setup = bench.setup
        subject = {"model": setup.label, "device": setup.device, "dtype": setup.dtype, "quick": setup.quick}
        store = Store(options.out / f"{options.name}.json", identity(), subject)
        command = ["python", "-m", "benchmarks.engine", *arguments]
        _Run(bench, store, options.resume, command).run(wanted(options.only, store))


def setup_of(options: argparse.Namespace, workspace: Path) -> Setup:
    """The model and where things are."""
    folder, label = resolve(options.model), options.model
    if Path(label).expanduser().exists():
        label = Path(label).name  # a path would tell of the machine
    backbone = options.model if not Path(options.model).expanduser().exists() else str(folder)
    dtype = "bfloat16" if options.device == "cuda" else "float32"
    if options.shape:
        say(f"writing random weights of the shape {options.shape}")
        number_type = getattr(torch, dtype)
        folder = make_shape(options.shape, workspace / options.shape, folder, number_type, options.device)
        backbone, label = str(folder), f"{options.shape} (random weights)"
    return Setup(
        backbone, label, folder, workspace, options.data.absolute(), options.device, dtype, options.quick
    )


def wanted(only: Sequence[str], store: Store) -> list[str]:
    """The sections to run: those asked for, and the search where one of them needs it."""
    needed = set(only)
    if needed & NEEDS_SEARCH and "search" not in store.sections:
        needed.add("search")
    return [name for name in SECTIONS if name in needed]


class _Run:
    """Sections in their order, with the machine's rate in between."""

    def __init__(self, bench: Bench, store: Store, resume: bool, command: list[str]) -> None:
        self.bench, self.store, self.resume, self.command = bench, store, resume, command
        self._peak: dict[str, Any] | None = None

    def run(self, names: Sequence[str]) -> None:
        for name in names:
            settings = settings_of(name, self.bench)
            if self.resume and self.store.has(name, settings):
                say(f"{name}: done already")
            else:
                self._section(name, settings)
            if name == "search":
                self._choose()
        say(f"written to {self.store.path.with_suffix('.md')}")

    def _section(self, name: str, settings: dict[str, Any]) -> None:
        if name in NEEDS_SEARCH:
            self._choose()
        before = self._peak or self._measure_peak()
        say(f"--- {name}")
        began = time.perf_counter()
        result = RUNNERS[name](self.bench)
        seconds = time.perf_counter() - began
        self._peak = self._measure_peak()
        section = {"settings": settings, "command": self.command, "seconds": seconds}
        self.store.save(name, section | {"peaks": [before, self._peak], "result": result})
        self._write(name)

    def _choose(self) -> None:
        self.bench.chosen.update(self.store.sections["search"]["result"]["chosen"])

    def _measure_peak(self) -> dict[str, Any]:
        config = self._text_config()
        setup, widths = self.bench.setup, (config["hidden_size"], config["intermediate_size"])
        found = peak(*widths, setup.device, rows=ROWS[:1] if setup.quick else ROWS)
        say("machine: " + ", ".join(f"{kind} {one['median']:,.0f} G/s" for kind, one in found.items()))
        return found

    def _text_config(self) -> dict[str, int]:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self.bench.setup.folder, local_files_only=True).get_text_config()
        return {name: int(getattr(config, name)) for name in ("hidden_size", "intermediate_size")}

    def _write(self, name: str) -> None:
        path = self.store.path
        if name in CURVES:
            draw(self.store.sections[name], path.with_name(f"{path.stem}-{name}.svg"))
        write_text(path.with_suffix(".md"), render(self.store.content, path.stem))


def settings_of(name: str, bench: Bench) -> dict[str, Any]:
    """What a section's numbers depend on besides the machine and the model."""
    settings: dict[str, Any] = {"quick": bench.setup.quick}
    if name == "train":
        own = {"pairs": bench.train_pairs, "valid": bench.valid_pairs, "seeds": list(bench.seeds)}
        return settings | own
    return settings | ({"pool_max": bench.pool_max} if name == "pool" else {})
