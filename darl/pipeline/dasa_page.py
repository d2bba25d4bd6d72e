"""A study of detection and selection as a Markdown page with plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.files import whole_file, write_text
from darl.pipeline.detection_rows import Finding, auroc_rows
from darl.pipeline.environment import environment
from darl.pipeline.selection_rows import NONE, POOL, RIVAL, Gain, gain_rows
from darl.pipeline.selection_verdicts import against_random, strategies_of, with_half
from darl.pipeline.study_page import machine_words, table

PAGE = "dasa.md"
METRICS = ("macro_f1", "auc>=strong", "qwk")
SHOWN = 12
COLOURS = ("#6b6b6b", "#1f5fbf", "#c2410c", "#2e7d32", "#8e24aa", "#9a6b00", "#00838f", "#ad1457")
RC: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write_page(findings: Sequence[Finding], gains: Sequence[Gain], out: Path) -> None:
    """Write OUT/dasa.md and a plot for each experiment and share."""
    parts = [machine_words(environment()), *_verdicts(gains), *_detection(findings)]
    for experiment in dict.fromkeys(one.experiment for one in gains):
        own = [one for one in gains if one.experiment == experiment]
        plot = f"dasa-{experiment}.svg"
        _draw(own, out / plot)
        parts += [f"## Selection: {experiment}", f"![what labels brought]({plot})", *_selection(own)]
    write_text(out / PAGE, "\n\n".join(parts) + "\n")


def _verdicts(gains: Sequence[Gain]) -> Iterator[str]:
    if not strategies_of(gains):
        return
    yield "## Beside random labels"
    yield (
        "Cells (a budget on a slice by a metric) in which a strategy is significantly above or below as many "
        "random labels, 95 % intervals over queries and seeds. By chance alone one in forty would be below."
    )
    head = ["experiment", "strategy", "cells", "above", "below", "which are below"]
    yield table(head, against_random(gains, METRICS))
    budgets, rows = with_half(gains, METRICS[0])
    if rows:
        yield f"{METRICS[0]} out of distribution, less that of *twice* as many random labels (0: half do):"
        yield table(["experiment", "strategy", "mean", *budgets], rows)


def _detection(findings: Sequence[Finding]) -> Iterator[str]:
    for experiment in dict.fromkeys(one.experiment for one in findings):
        slices, rows = auroc_rows([one for one in findings if one.experiment == experiment])
        yield f"## Detection: {experiment}"
        yield "AUROC against the in-distribution slice, 95 % intervals over queries; the best by mean first."
        yield table(["detector", "features", "mean", *slices], rows[:SHOWN])


def _selection(gains: Sequence[Gain]) -> Iterator[str]:
    metrics = [name for name in METRICS if any(one.metric == name for one in gains)]
    for metric in metrics:
        slices, rows = gain_rows(gains, metric)
        yield (
            f"{metric} (less that of random labels; ▲ ▼ where the 95 % interval over queries and seeds "
            "leaves 0 out; mean: over the budgets):"
        )
        yield table(["strategy", "labels", "queries", *slices], rows)


def _draw(gains: Sequence[Gain], path: Path) -> None:
    """A panel for each metric: its value out of distribution against the labels."""
    metrics = [name for name in METRICS if any(one.metric == name for one in gains)]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**RC, "svg.hashsalt": path.name})
        figure = Figure(figsize=(4.2 * len(metrics), 3.6), layout="constrained")
        for place, metric in enumerate(metrics, start=1):
            panel = figure.add_subplot(1, len(metrics), place)
            _curves(panel, [one for one in gains if one.metric == metric])
            panel.set(title=f"{metric}, out of distribution", xlabel="labels")
        figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncol=6, frameon=False)
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})


def _curves(panel: Axes, gains: Sequence[Gain]) -> None:
    start = out_of_distribution(gains, NONE)[0][1]
    tried = [one for one in dict.fromkeys(gain.strategy for gain in gains) if one not in (NONE, POOL)]
    for place, strategy in enumerate(tried):
        points = [(0, start), *out_of_distribution(gains, strategy)]
        width = 2.4 if strategy == RIVAL else 1.4
        panel.plot(
            *zip(*points, strict=True),
            label=strategy,
            color=COLOURS[place % len(COLOURS)],
            marker="o",
            linewidth=width,
        )
    for _, value in out_of_distribution(gains, POOL):
        panel.axhline(value, color="#999999", linestyle="--", label="whole pool")


def out_of_distribution(gains: Sequence[Gain], strategy: str) -> list[tuple[int, float]]:
    """Of one metric: (labels, value) on all slices but the first, which is in distribution."""
    last = list(dict.fromkeys(one.slice for one in gains))[-1]
    own = [one for one in gains if (one.strategy, one.slice) == (strategy, last)]
    return sorted((one.budget, one.value) for one in own if one.budget is not None)
