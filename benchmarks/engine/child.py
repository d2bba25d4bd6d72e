"""One contender alone in a fresh process: how much memory it takes.

python -m benchmarks.engine.child SETUP NAME CHOICE, the first and the last in JSON; prints JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

ITEMS = 100


def resident(field: str = "VmHWM") -> int:
    """Bytes of this process in memory: "VmRSS" now, "VmHWM" at the most.

    Not ru_maxrss where there is another way: Linux carries it over from the process that started this one.
    """
    path = Path("/proc/self/status")
    if path.exists():
        lines = dict(line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines())
        return int(lines[field].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(setup_json: str, name: str, choice_json: str) -> dict[str, Any]:
    """Load the contender and let it score one query's items, with the peak after each step."""
    import torch

    from benchmarks.engine.contenders import make
    from benchmarks.engine.setup import Setup
    from benchmarks.engine.texts import load_corpus, one_query

    setup = Setup.from_json(setup_json)
    pairs = one_query(load_corpus(setup.data), 8 if setup.quick else ITEMS)
    contender = make(setup, name, json.loads(choice_json))
    found = {"imported": resident()}
    contender.prepare()
    found["loaded"] = resident()
    contender.score(pairs)
    found["scored"] = resident()
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.max_memory_allocated()
    return {"pairs": len(pairs), "peak_bytes": found}


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:4])))
