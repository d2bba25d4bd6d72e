"""The growth curves as SVG files that look the same every time."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from darl.files import whole_file

COLOURS = ("#9a6b00", "#1f5fbf", "#2e7d32", "#8e24aa")
MARKERS = "sod^"
RC: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(section: dict[str, Any], path: Path) -> None:
    """Pairs a second against the section's axis, a line a contender."""
    result = section["result"]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**RC, "svg.hashsalt": path.name})
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        panel = figure.add_subplot()
        for i, (name, (xs, ys)) in enumerate(curves(result).items()):
            panel.plot(xs, ys, label=name, color=COLOURS[i % 4], marker=MARKERS[i % 4])
        panel.set(xlabel=result["axis"], ylabel="pairs/s", xscale="log")
        ticks = [point["at"] for point in result["points"]]
        panel.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        panel.minorticks_off()
        # Room for the highest marker and for the curve's end.
        panel.set_ylim(0, 1.08 * max(max(ys) for _, ys in curves(result).values()))
        panel.legend(frameon=False)
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})


def curves(result: dict[str, Any]) -> dict[str, tuple[list[float], list[float]]]:
    """(x, pairs a second) of each contender."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for point in result["points"]:
        pairs = point["work"]["pairs"] if "work" in point else point["at"]
        for name, times in point["seconds"].items():
            xs, ys = found.setdefault(name, ([], []))
            xs.append(point["at"])
            ys.append(pairs / statistics.median(times))
    return found
