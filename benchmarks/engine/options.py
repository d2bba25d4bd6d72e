"""The command line, and what must be settled before torch is loaded."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

MODEL = "smollm2-135m"
SECTIONS = ("search", "rerank", "train", "cold", "memory", "items", "length", "pool")
NEEDS_SEARCH = {"rerank", "memory", "items", "length"}
SHAPE_NAMES = ("tiny", "qwen3-tiny", "qwen3-0.6b", "qwen3-4b")
QUICK_TRAIN, QUICK_VALID = 8, 4


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.description = "Measure darl beside sentence-transformers, a causal-LM reranker and Trainer."
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data"), help="folder of the ESCI files")
    add("--model", help=f"a causal LM: a name or a folder, as darl takes it [{MODEL}]")
    add(
        "--shape",
        choices=SHAPE_NAMES,
        help="random weights, with --model's tokenizer [with --quick and no --model: tiny]",
    )
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--out", type=Path, help="folder of the results [docs/results; with --quick runs/engine-quick]")
    add("--name", default="engine", help="stem of the files: NAME.json, NAME.md, NAME-*.svg")
    add("--only", type=_sections, default=SECTIONS, metavar="A,B", help=f"of {', '.join(SECTIONS)}")
    add("--resume", action="store_true", help="pass over sections that are done with these settings")
    add("--quick", action="store_true", help="a smoke test of a minute or two; its numbers mean nothing")
    add("--train-pairs", type=_count, default=320)
    add("--valid-pairs", type=_count, default=240)
    add("--seeds", type=_numbers, default=(0, 1, 2), metavar="0,1", help="of the training section")
    add("--pool-max", type=_count, default=1_000_000, help="pairs of the largest pool")
    found = parser.parse_args(arguments)
    if found.quick:
        found.shape = found.shape or (None if found.model else "tiny")
        found.train_pairs, found.valid_pairs, found.seeds = QUICK_TRAIN, QUICK_VALID, found.seeds[:1]
    found.model = found.model or MODEL
    found.out = found.out or Path("runs/engine-quick" if found.quick else "docs/results")
    return found


def _sections(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    if unknown := sorted(set(names) - set(SECTIONS)):
        raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}: expected of {', '.join(SECTIONS)}")
    return tuple(name for name in SECTIONS if name in names)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received {text!r}")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"expected numbers such as 0,1,2, received {text!r}")
    return tuple(int(part) for part in parts)


def settle_environment(device: str) -> None:
    """Threads, devices and hubs, for this process and those it starts; before torch is imported."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    # On several, Trainer would share out its batches, and darl would not.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
