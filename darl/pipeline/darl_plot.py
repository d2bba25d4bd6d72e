"""Where every rival of a study of DaRL stands between plain fine-tuning and the ceiling, drawn."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.evaluation.metric import Metric
from darl.evaluation.rows import IN_DIST
from darl.evaluation.svg import colour, draw, model_colour, standalone
from darl.pipeline.darl_recipes import CEILING, DARL, PLAIN
from darl.pipeline.darl_rows import Result
from darl.pipeline.study import OOD

WIDTH, LINE, AROUND, PAD = 760, 24, 80, 0.1


def plot_values(name: str, found: Sequence[Result], metric: Metric) -> str:
    """The metric of every rival with its interval, in distribution and on all OOD slices; as SVG.

    Args:
        name: Of the experiment.
        found: Its results.
        metric: What to draw.
    """
    rows = [row for row in found if row.metric == metric.name and row.slice in (IN_DIST, OOD)]
    rivals = list(dict.fromkeys(row.rival for row in rows))
    places = list(dict.fromkeys(row.slice for row in rows))

    def paint(figure: Figure) -> None:
        figure.set_layout_engine("constrained", h_pad=PAD, w_pad=PAD)
        panels = figure.subplots(1, max(1, len(places)), sharey=True, squeeze=False).ravel()
        for place, panel in zip(places, panels, strict=False):
            _panel(panel, [row for row in rows if row.slice == place], rivals)
            panel.set_title(f"{metric.title}, {place}", fontsize=11)

    words = f"{name}: {metric.title} of every rival in distribution and out of it; the tables say the same"
    return standalone(draw(f"study-{name}", paint, AROUND + LINE * max(1, len(rivals)), WIDTH), words)


def _panel(panel: Axes, rows: Sequence[Result], rivals: Sequence[str]) -> None:
    """A line down from plain and one from the ceiling; the recipe itself stands out."""
    for row in rows:
        if row.rival in (PLAIN, CEILING):
            panel.axvline(row.value, color=colour("muted"), linewidth=1, linestyle="--", zorder=0)
        ink = colour(model_colour(1 if row.rival == DARL else 0))
        y = rivals.index(row.rival)
        if row.low is not None and row.high is not None:
            panel.hlines(y, row.low, row.high, color=ink, linewidth=1.6)
        panel.plot([row.value], [y], "o", color=ink, ms=6)
    panel.set_yticks(range(len(rivals)), rivals)
    panel.set_ylim(len(rivals) - 0.5, -0.5)
    panel.grid(visible=True, axis="x")
    panel.locator_params(axis="x", nbins=5)
