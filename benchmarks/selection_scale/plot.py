"""Seconds against pairs, as an SVG file that looks the same every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.engine.plots import COLOURS, MARKERS, RC
from darl.files import whole_file

Row = dict[str, Any]

IN_MEMORY = ("knn", "mahalanobis", "ood_band", "core_set", "typical", "without_junk")
"""Lines of the left panel: more cannot be told apart."""

STYLES = ("-", "--")


def draw(rows: list[Row], path: Path) -> None:
    """What is in memory on the left, what is streamed on the right, on logarithmic scales."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**RC, "svg.hashsalt": path.name})
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        _panel(left, curves(rows, IN_MEMORY, ("detector", "strategy")), "in memory")
        streamed = tuple(dict.fromkeys(row["name"] for row in rows if row["kind"] == "stream"))
        _panel(right, curves(rows, streamed, ("stream",)), "streamed from shards")
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})


def curves(
    rows: list[Row], names: tuple[str, ...], kinds: tuple[str, ...]
) -> dict[str, tuple[list[int], list[float]]]:
    """(pairs, seconds) by name, of the widest features that were measured at each size."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for name in names:
        some = [row for row in rows if row["name"] == name and row["kind"] in kinds]
        at = {row["pairs"]: row for row in sorted(some, key=lambda row: row["width"])}
        if at:
            sizes = sorted(at)
            found[name] = sizes, [at[size]["seconds"] + at[size].get("fit_s", 0) for size in sizes]
    return found


def _panel(panel: Axes, lines: dict[str, tuple[list[int], list[float]]], title: str) -> None:
    panel.set(xlabel="pairs in the pool", ylabel="seconds", xscale="log", yscale="log", title=title)
    for i, (name, (sizes, seconds)) in enumerate(lines.items()):
        style = STYLES[i // len(COLOURS) % len(STYLES)]
        panel.plot(sizes, seconds, style, label=name, color=COLOURS[i % 4], marker=MARKERS[i % 4])
    if lines:
        _proportional(panel, lines)
        panel.legend(frameon=False, fontsize=9)
    panel.minorticks_off()


def _proportional(panel: Axes, lines: dict[str, tuple[list[int], list[float]]]) -> None:
    """A dotted line of what is proportional to the pool, through the end of the highest curve."""
    sizes, seconds = max(lines.values(), key=lambda line: line[1][-1])
    first = min(sizes)
    ends = [first, sizes[-1]]
    panel.plot(
        ends, [seconds[-1] * end / sizes[-1] for end in ends], ":", color="#888888", label="in proportion"
    )
