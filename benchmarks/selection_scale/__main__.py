"""Measure detection and selection at scale: python -m benchmarks.selection_scale --help."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.selection_scale.child import BUDGET, is_prepared
from benchmarks.selection_scale.made import WIDTH, World
from benchmarks.selection_scale.page import render
from benchmarks.selection_scale.plot import draw
from benchmarks.selection_scale.rows import Rows
from benchmarks.selection_scale.shards import SHARD_SIZE, width_that_fits, write
from darl.files import write_text
from darl.ood.catalogue import DETECTORS
from darl.selection.catalogue import STRATEGIES

ROOT = Path(__file__).parents[2]
SIZES = "10000,100000,1000000"
STREAM_SIZES = "100000,1000000,10000000"
STREAMED = ("knn+ood_band", "mahalanobis+ood_band", "mahalanobis+dasa")
KINDS = ("detector", "strategy", "stream")
READ_FEATURES = sorted(name for name, member in DETECTORS.items() if "likelihoods" not in member().needs)
_BEGAN = time.perf_counter()

Task = dict[str, Any]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection_scale")
    parser.description = "Time every detector and strategy over made pools, each alone in a process."
    add = parser.add_argument
    add("--out", type=Path, default=Path("docs/results"), help="folder of the results")
    add("--name", default="selection-scale", help="stem of the files: NAME.jsonl, NAME.md, NAME.svg")
    add("--work", type=Path, default=Path("runs/selection-scale"), help="folder of the made pools")
    add("--sizes", type=_numbers, default=SIZES, help=f"pairs in memory [{SIZES}]")
    add("--stream-sizes", type=_numbers, default=STREAM_SIZES, help=f"pairs in shards [{STREAM_SIZES}]")
    add("--width", type=int, default=WIDTH, help=f"features of a pair [{WIDTH}]")
    add("--budget", type=int, default=BUDGET, help=f"pairs to choose [{BUDGET}]")
    add("--shard-size", type=int, default=SHARD_SIZE, help=f"pairs of a shard [{SHARD_SIZE}]")
    add("--among", type=int, help="pairs of a streamed pool to choose among [as darl select]")
    add("--seed", type=int, default=0, help="of the pools")
    add("--only", type=_names, default=(), metavar="A,B", help="kinds or names to measure [all]")
    found = parser.parse_args(arguments)
    found.work = found.work.resolve()  # processes are started elsewhere
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(part) for part in text.split(",") if part))


def _names(text: str) -> tuple[str, ...]:
    known = {*KINDS, *DETECTORS, *STRATEGIES, *STREAMED}
    names = tuple(text.split(","))
    if unknown := sorted(set(names) - known):
        raise argparse.ArgumentTypeError(
            f"unknown {', '.join(unknown)}: expected of {', '.join(sorted(known))}"
        )
    return names


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, then write the page and the figure."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(arguments)
    _settle_threads()
    options.work.mkdir(parents=True, exist_ok=True)
    rows = Rows(options.out / f"{options.name}.jsonl")
    left = [task for task in tasks(options) if not rows.has(task)]
    say(f"{len(rows.all)} measurements are there, {len(left)} are left")
    for number, task in enumerate(left, 1):
        _provide(task, options)
        began = time.perf_counter()
        row = rows.add(task, run(task))
        told = f"{row['seconds']:,.1f} s, {row['peak_bytes'] / 2**30:.2f} GiB"
        what = f"{task['kind']} {task['name']}, {task['pairs']:,} pairs"
        say(f"{number} of {len(left)}: {what}: {told} ({time.perf_counter() - began:.0f} s in all)")
    command = shlex.join(["python", "-m", "benchmarks.selection_scale", *arguments])
    draw(rows.all, options.out / f"{options.name}.svg")
    write_text(options.out / f"{options.name}.md", render(rows.all, command, options.name))
    say(f"page: {options.out / options.name}.md")


def tasks(options: argparse.Namespace) -> Iterator[Task]:
    """All that is to be measured, what is small first."""
    shared = {"work": str(options.work), "seed": options.seed, "budget": options.budget}
    for size in options.sizes:
        for kind, names in (("detector", READ_FEATURES), ("strategy", sorted(STRATEGIES))):
            for name in names:
                if _wanted(options, kind, name):
                    yield {"kind": kind, "name": name, "pairs": size, "width": options.width, **shared}
    for size in options.stream_sizes:
        for name in STREAMED:
            if _wanted(options, "stream", name):
                width = width_that_fits(size, options.width, options.work)
                task = {"kind": "stream", "name": name, "pairs": size, "width": width, **shared}
                yield task if options.among is None else task | {"among": options.among}


def _wanted(options: argparse.Namespace, kind: str, name: str) -> bool:
    return not options.only or kind in options.only or name in options.only


def _provide(task: Task, options: argparse.Namespace) -> None:
    """Make the pool of a measurement if it is not there."""
    if task["kind"] == "stream":
        if task["width"] < options.width:
            say(
                f"{task['pairs']:,} pairs of {options.width} features do not fit on the disk: {task['width']}"
            )
        world = World(task["width"], task["seed"])
        pool = write(world, task["pairs"], options.work, say, options.shard_size)
        task["folder"] = str(pool.folder)
    elif not is_prepared(task):
        say(f"make {task['pairs']:,} pairs")
        run(task | {"kind": "prepare"})


def run(task: Task) -> dict[str, Any]:
    """A measurement in a process of its own.

    Raises:
        RuntimeError: It fails.
    """
    command = [sys.executable, "-m", "benchmarks.selection_scale.child", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{task} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _settle_threads() -> None:
    """As many threads as cores that may be used, here and in the processes that are started."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    seconds = int(time.perf_counter() - _BEGAN)
    print(f"[{seconds // 60:3d}:{seconds % 60:02d}] {text}", flush=True)


if __name__ == "__main__":
    main()
