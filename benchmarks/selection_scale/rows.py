"""The rows of the results file: one a measurement, added when it is done."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.engine.store import source_digest
from darl.files import write_text

Row = dict[str, Any]

KEY = ("kind", "name", "pairs", "width", "seed", "budget", "among")
PACKAGES = ("darl", "numpy", "scikit-learn", "scipy", "pyarrow")


class Rows:
    """Those that are done.

    Args:
        path: A JSONL file; it may be there already.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.all: list[Row] = [json.loads(line) for line in lines]

    def has(self, task: Row) -> bool:
        """Whether this was measured, on whatever machine and with whatever version of darl."""
        return key(task) in {key(row) for row in self.all}

    def add(self, task: Row, found: Row) -> Row:
        """Keep what was measured."""
        named = {name: task[name] for name in KEY if name in task}
        row = named | {name: _rounded(value) for name, value in found.items()} | circumstances()
        self.all.append(row)
        write_text(self.path, "".join(json.dumps(one) + "\n" for one in self.all))
        return row


def key(task: Row) -> tuple[Any, ...]:
    """What tells measurements apart."""
    return tuple(task.get(name) for name in KEY)


def circumstances() -> Row:
    """Of which machine and which code a number is."""
    return {
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "threads": os.environ.get("OMP_NUM_THREADS", "all"),
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "source": source_digest(),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _rounded(value: Any) -> Any:  # noqa: ANN401 - whatever was measured
    return float(f"{value:.4g}") if isinstance(value, float) else value
