"""What a detector adds to a request beyond the model's pass: a table of docs/results/selection-scale.md.

Run from the repository's root, alone on the machine: python -m benchmarks.detector_latency --out runs/latency

Each is fitted on 4,000 made pairs (benchmarks/selection_scale/made.py), saved and read back as a server does,
and scores one held-out pair after the other, and twenty at a time, a page of results.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from benchmarks.selection_scale.made import World
from darl.catalogue import Component
from darl.files import write_text
from darl.models.base import TUNED
from darl.models.reference import Reference
from darl.ood.catalogue import DETECTORS
from darl.pipeline.environment import environment
from darl.pipeline.gauge import GAUGE, Gauge
from darl.pipeline.study_page import machine_words, table

WIDTHS = (576, 1536)
"""Features of the small LLM, and of the small encoder, which has those of two texts compared."""
SIZES, WARM = (1, 20), 20
TEXTS = "likelihood_ratio"
"""Reads what texts give, not features: its time is that of two passes."""


def kept(name: str, reference: Reference) -> Gauge:
    """A detector as it is kept with a model, read back from its file."""
    with TemporaryDirectory() as folder:
        Gauge.fit(Component(name=name), reference, TUNED).save(Path(folder) / GAUGE)
        return Gauge.load(Path(folder) / GAUGE)


def times(gauge: Gauge, reference: Reference, size: int, calls: int) -> npt.NDArray[np.float64]:
    """(calls,) milliseconds of score and percentile of `size` pairs."""
    held_out, rng, taken = reference.held_out[TUNED], np.random.default_rng(0), np.empty(calls)
    for call in range(-WARM, calls):
        batch = held_out[rng.choice(len(held_out), size, replace=False)]
        began = time.perf_counter()
        gauge.percentiles(gauge.ood_scores(batch))
        if call >= 0:
            taken[call] = (time.perf_counter() - began) * 1000
    return taken


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found = []
    rows = {name: [name] for name in DETECTORS if name != TEXTS}
    for width in WIDTHS:
        reference = World(width).reference()
        for name, cells in rows.items():
            gauge = kept(name, reference)
            for size in SIZES:
                taken = times(gauge, reference, size, options.calls)
                middle, late = float(np.median(taken)), float(np.quantile(taken, 0.99))
                one = {"detector": name, "width": width, "pairs": size, "median_ms": middle, "p99_ms": late}
                found.append(one)
                cells.append(f"{middle:.2f} ({late:.2f})")
    lines = "".join(json.dumps(one) + "\n" for one in found)
    write_text(options.out / "detector-latency.jsonl", lines)
    headers = [f"{size} of {width} features" for width in WIDTHS for size in SIZES]
    print(machine_words(environment()), end="\n\nMilliseconds, median (p99):\n\n")
    print(table(["detector", *headers], list(rows.values())))


if __name__ == "__main__":
    main()
