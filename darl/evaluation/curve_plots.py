"""Learning curves on the page: what the rounds of a stage have brought, and what another would."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.evaluation.learning_curve import FRESH, LearningCurve, value_of
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import count
from darl.evaluation.outlook import StageOutlook, gain_words, spoken
from darl.evaluation.plots import Plot
from darl.evaluation.report import Report
from darl.evaluation.svg import add_axes, colour, draw, model_colour

MARKERS = {FRESH: "D"}
STEPS = 40
APART = 0.012


def curve_plots(report: Report) -> list[Plot]:
    """A plot for each metric of each stage of several rounds, with the first of its seeds."""
    first = {(one.model, one.stage): one for one in reversed(report.outlooks)}
    plots = []
    for i, one in enumerate(reversed(first.values())):
        names = dict.fromkeys(curve.metric for curve in one.outlook.curves)
        plots += [_plot(report, one, name, f"curve-{i}-{j}") for j, name in enumerate(names)]
    return plots


def outlook_lines(report: Report) -> list[str]:
    """Each stage and seed in words: the labels it spent, what they brought, and why it ended."""
    return [_line(one) for one in report.outlooks]


def _line(one: StageOutlook) -> str:
    outlook = one.outlook
    parts = [
        f"{one.model}, {one.stage}, seed {one.seed}: {count(outlook.labels)} labels selected in "
        f"{outlook.round} of {outlook.rounds} rounds",
        *(spoken(curve, outlook.budget) for curve in outlook.curves),
        outlook.verdict,
    ]
    return ". ".join(part[0].upper() + part[1:] for part in parts if part) + "."


def _plot(report: Report, one: StageOutlook, name: str, key: str) -> Plot:
    metric = metrics_for(report.scale)[name]
    curves = [curve for curve in one.outlook.curves if curve.metric == name]
    ink = {FRESH: model_colour(report.models.index(one.model))}

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        ticks = sorted(
            {x for curve in curves for x in (*(p.labels for p in curve.points), curve.forecast.labels)}
        )
        shift = APART * (ticks[-1] - ticks[0])
        for curve in curves:
            side = shift if curve.data == FRESH else -shift
            _series(panel, curve, metric, colour(ink.get(curve.data, "muted")), side)
        panel.set_xticks(ticks)
        panel.set_xlabel("labels selected")
        panel.margins(y=0.12)

    caption = f"{one.model}, {one.stage}, seed {one.seed}: {metric.title}"
    words = ". ".join(spoken(curve, one.outlook.budget) for curve in curves)
    return Plot(caption, draw(key, paint), f"{caption}. {words}.", _note(curves, one.outlook.budget))


def _note(curves: list[LearningCurve], budget: int) -> str:
    found = [f"{curve.data} {gain_words(curve.forecast)}" for curve in curves]
    return f"Gain of the next {count(budget)} labels: {', '.join(found)}"


def _series(panel: Axes, curve: LearningCurve, metric: Metric, ink: str, side: float) -> None:
    """Points with their intervals, the fitted curve, and the next round as an open mark."""
    mark = MARKERS.get(curve.data, "o")
    points = [(one.labels + side, one.value, one) for one in curve.points if one.value is not None]
    panel.plot([x for x, _, _ in points], [value for _, value, _ in points], color=ink, alpha=0.35, lw=1.2)
    for x, value, one in points:
        _point(panel, x, value, one.low, one.high, mark, ink, ink)
    ahead = curve.forecast
    if curve.fit is None or ahead.value is None:
        return
    labels = np.linspace(curve.points[0].labels, ahead.labels, STEPS)
    fitted = value_of(metric, np.array([curve.fit.error(at) for at in labels]))
    panel.plot(labels + side, fitted, color=ink, linewidth=1.2, linestyle=(0, (3, 3)))
    _point(panel, ahead.labels + side, ahead.value, ahead.low, ahead.high, mark, ink, colour("paper"))


def _point(
    panel: Axes, x: float, value: float, low: float | None, high: float | None, mark: str, ink: str, fill: str
) -> None:
    if low is not None and high is not None:
        panel.vlines(x, low, high, color=ink, linewidth=2.2, alpha=1.0 if fill == ink else 0.45)
    panel.plot([x], [value], mark, mfc=fill, ms=6.5, mec=colour("paper") if fill == ink else ink, mew=1)
