"""Differences to a rival, drawn: a panel a metric, a mark a slice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from darl.evaluation.metric import Metric
from darl.evaluation.svg import colour, draw, model_colour, model_marker, standalone

COLUMNS, WIDTH = 2, 760
LINE, AROUND, LEGEND = 9, 70, 50
SPREAD, PAD = 0.6, 0.1


class Bar(NamedTuple):
    """A difference to the rival.

    Attributes:
        label: What is compared with it.
        slice: Where.
        metric: By which metric's name.
        less: The difference.
        low: Lower end of its interval; None where there is none.
        high: Its upper end.
        clear: Whether the interval leaves out 0.
    """

    label: str
    slice: str
    metric: str
    less: float
    low: float | None
    high: float | None
    clear: bool


def plot(name: str, bars: Sequence[Bar], metrics: Sequence[Metric], words: str) -> str:
    """Every difference with its interval; as SVG.

    Args:
        name: Of the plot.
        bars: The differences.
        metrics: What to draw.
        words: What is to be seen, for those who do not see it.
    """
    shown = [metric for metric in metrics if any(row.metric == metric.name for row in bars)]
    labels = list(dict.fromkeys(row.label for row in bars))
    slices = list(dict.fromkeys(row.slice for row in bars))
    n_rows = math.ceil(len(shown) / COLUMNS)
    height = LEGEND + n_rows * (AROUND + LINE * max(1, len(slices)) * max(1, len(labels)))

    def paint(figure: Figure) -> None:
        figure.set_layout_engine("constrained", h_pad=PAD, w_pad=PAD)
        panels = figure.subplots(n_rows, COLUMNS, sharey=True, squeeze=False).ravel()
        for metric, panel in zip(shown, panels, strict=False):
            _panel(panel, [row for row in bars if row.metric == metric.name], metric, labels, slices)
        for panel in panels[len(shown) :]:
            panel.set_visible(False)
        marks = [_mark(i) for i in range(len(slices))]
        figure.legend(marks, slices, loc="outside upper center", ncols=len(slices), frameon=False)

    return standalone(draw(name, paint, height, WIDTH), words)


def _mark(i: int) -> Line2D:
    ink = colour(model_colour(i + 1))
    return Line2D([], [], color=ink, marker=model_marker(i), linestyle="", ms=6)


def _panel(
    panel: Axes, rows: Sequence[Bar], metric: Metric, labels: Sequence[str], slices: Sequence[str]
) -> None:
    """Filled marks where the interval leaves out 0."""
    panel.axvline(0, color=colour("muted"), linewidth=1, zorder=0)
    for row in rows:
        i = slices.index(row.slice)
        y = labels.index(row.label) + SPREAD * ((i + 0.5) / len(slices) - 0.5)
        ink = colour(model_colour(i + 1))
        if row.low is not None and row.high is not None:
            panel.hlines(y, row.low, row.high, color=ink, linewidth=1.6)
        panel.plot(
            [row.less], [y], model_marker(i), color=ink, mfc=ink if row.clear else colour("paper"), ms=5
        )
    panel.set_yticks(range(len(labels)), labels)
    panel.set_ylim(len(labels) - 0.5, -0.5)
    panel.grid(visible=True, axis="x")
    panel.set_title(f"{metric.title}{'' if metric.larger_is_better else ' (less is better)'}", fontsize=11)
    panel.locator_params(axis="x", nbins=5)
