"""The differences of a study of objectives, drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from darl.evaluation.metric import Metric
from darl.evaluation.svg import colour, draw, model_colour, model_marker, standalone
from darl.pipeline.objective_rows import RIVAL, Outcome

COLUMNS, WIDTH = 2, 760
LINE, AROUND, LEGEND = 9, 70, 50
SPREAD, PAD = 0.6, 0.1


def plot(name: str, found: Sequence[Outcome], metrics: Sequence[Metric]) -> str:
    """Every objective's difference to softmax with its interval, a panel a metric, a mark a slice; as SVG.

    Args:
        name: Of the experiment.
        found: Its outcomes.
        metrics: What to draw.
    """
    shown = [metric for metric in metrics if any(row.metric == metric.name for row in found)]
    labels = [label for label in dict.fromkeys(row.objective for row in found) if label != RIVAL]
    slices = list(dict.fromkeys(row.slice for row in found))
    n_rows = math.ceil(len(shown) / COLUMNS)
    height = LEGEND + n_rows * (AROUND + LINE * max(1, len(slices)) * max(1, len(labels)))

    def paint(figure: Figure) -> None:
        figure.set_layout_engine("constrained", h_pad=PAD, w_pad=PAD)
        panels = figure.subplots(n_rows, COLUMNS, sharey=True, squeeze=False).ravel()
        for metric, panel in zip(shown, panels, strict=False):
            _panel(panel, [row for row in found if row.metric == metric.name], metric, labels, slices)
        for panel in panels[len(shown) :]:
            panel.set_visible(False)
        marks = [_mark(i) for i in range(len(slices))]
        figure.legend(marks, slices, loc="outside upper center", ncols=len(slices), frameon=False)

    words = f"{name}: every objective less {RIVAL}, by metric and slice; the tables say the same"
    return standalone(draw(f"objectives-{name}", paint, height, WIDTH), words)


def _mark(i: int) -> Line2D:
    ink = colour(model_colour(i + 1))
    return Line2D([], [], color=ink, marker=model_marker(i), linestyle="", ms=6)


def _panel(
    panel: Axes, rows: Sequence[Outcome], metric: Metric, labels: Sequence[str], slices: Sequence[str]
) -> None:
    """Filled marks where the interval leaves out 0."""
    panel.axvline(0, color=colour("muted"), linewidth=1, zorder=0)
    for row in rows:
        if row.less is not None:
            i = slices.index(row.slice)
            y = labels.index(row.objective) + SPREAD * ((i + 0.5) / len(slices) - 0.5)
            ink = colour(model_colour(i + 1))
            if row.less_low is not None and row.less_high is not None:
                panel.hlines(y, row.less_low, row.less_high, color=ink, linewidth=1.6)
            face = ink if row.mark else colour("paper")
            panel.plot([row.less], [y], model_marker(i), color=ink, mfc=face, ms=5)
    panel.set_yticks(range(len(labels)), labels)
    panel.set_ylim(len(labels) - 0.5, -0.5)
    panel.grid(visible=True, axis="x")
    panel.set_title(f"{metric.title}{'' if metric.larger_is_better else ' (less is better)'}", fontsize=11)
    panel.locator_params(axis="x", nbins=5)
