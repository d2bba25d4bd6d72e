"""The plots of a report, each as an <svg> element and a sentence that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.evaluation.calibration_error import BINS, Reliability, reliability
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric
from darl.evaluation.numerals import count, interval, listed, number, percent
from darl.evaluation.report import Report, RoundView
from darl.evaluation.rows import GAP, Row
from darl.evaluation.svg import add_axes, colour, draw, grade_colour, model_colour, model_marker, steps
from darl.predictions import FloatArray

SCORE_BINS = 30
POOL_BINS = 40
# Detectors may give a few pairs scores far beyond the rest; they would flatten everything else.
POOL_QUANTILE = 0.995
SPREAD = 0.5


class Plot(NamedTuple):
    """A figure of the page.

    Attributes:
        caption: What it shows.
        svg: The <svg> element.
        label: Its content in words, for those who do not see it.
        note: A line to read below it, "" for none.
    """

    caption: str
    svg: str
    label: str
    note: str = ""


def metric_plot(report: Report, metric: Metric, name: str, gaps: bool = False) -> Plot:
    """A metric of every model, slices side by side, with intervals and a dot per seed.

    Args:
        report: The report.
        metric: What to plot.
        name: Distinct within the page.
        gaps: The gaps instead of the slices.
    """
    places = [GAP + place for place in report.slices if GAP + place in _gap_slices(report)]
    places = places if gaps else report.slices
    caption = f"Gap in {metric.title}" if gaps else metric.title
    better = "larger is better" if metric.larger_is_better else "smaller is better"

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        for i, model in enumerate(report.models):
            offset = SPREAD * ((i + 0.5) / len(report.models) - 0.5)
            _series(panel, report, i, [(model, place, metric.name) for place in places], offset)
        if gaps:
            panel.axhline(0, color=colour("muted"), linewidth=1, zorder=0)
        panel.set_xticks(range(len(places)), [place.removeprefix(GAP) for place in places])
        panel.set_xlim(-0.5, len(places) - 0.5)
        panel.tick_params(axis="x", length=0)
        panel.margins(y=0.12)

    rows = [report.row_at.get((model, place, metric.name)) for place in places for model in report.models]
    return Plot(
        f"{caption} ({'nearer 0 is better' if gaps else better})",
        draw(name, paint),
        f"{caption}: {listed([_spoken(row) for row in rows if row])}.",
    )


def _gap_slices(report: Report) -> set[str]:
    return {row.slice for row in report.rows if row.slice.startswith(GAP)}


def _spoken(row: Row) -> str:
    """A row in words."""
    if row.value is None:
        return f"{row.model} on {row.slice.removeprefix(GAP)} undefined"
    shown = f"{number(row.value)} {interval(row.low, row.high)}".rstrip()
    return f"{row.model} on {row.slice.removeprefix(GAP)} {shown}"


def _series(panel: Axes, report: Report, i: int, keys: Sequence[tuple[str, str, str]], offset: float) -> None:
    """One model's points, joined where neighbours are defined."""
    found = [(x, report.row_at[key]) for x, key in enumerate(keys) if key in report.row_at]
    points = [(x + offset, row, row.value) for x, row in found if row.value is not None]
    ink = colour(model_colour(i))
    panel.plot([x for x, _, _ in points], [value for _, _, value in points], color=ink, alpha=0.35, lw=1.2)
    for x, row, value in points:
        if row.low is not None and row.high is not None:
            panel.vlines(x, row.low, row.high, color=ink, linewidth=2.2)
        panel.plot([x], [value], model_marker(i), color=ink, ms=7, mec=colour("paper"), mew=1)
        seeds = report.by_seed.get((row.model, row.slice, row.metric), ())
        if len(seeds) > 1:
            panel.plot([x + 0.07] * len(seeds), seeds, "o", color=ink, ms=2.6, mew=0, alpha=0.75)


def reliability_plot(report: Report, slice_name: str, name: str) -> Plot:
    """Accuracy against confidence of every model on a slice, and how confident they are."""
    curves = {
        i: reliability(report.runs[model][slice_name])
        for i, model in enumerate(report.models)
        if slice_name in report.runs[model]
    }

    def paint(figure: Figure) -> None:
        upper, lower = add_axes(figure, 0.38, 0.97), add_axes(figure, 0.15, 0.32)
        upper.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1, linestyle=(0, (4, 3)))
        edges = np.linspace(0, 1, BINS + 1)
        for i, curve in curves.items():
            _curve(upper, i, curve)
            steps(lower, edges, curve.share, model_colour(i))
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", yticks=(0, 0.5, 1))
        upper.tick_params(axis="x", labelbottom=False, length=0)
        lower.set(xlim=(0, 1), xlabel="confidence", ylabel="pairs", ylim=(0, None))
        lower.set_yticks([])

    spoken = [
        f"{report.models[i]} is {percent(_mean(curve, curve.confidence))} confident on average and "
        f"{percent(_mean(curve, curve.accuracy))} right"
        for i, curve in curves.items()
    ]
    return Plot(slice_name, draw(name, paint, 300), f"Reliability on {slice_name}: {listed(spoken)}.")


def _mean(curve: Reliability, values: FloatArray) -> float:
    return float(np.nansum(curve.share * values))


def _curve(panel: Axes, i: int, curve: Reliability) -> None:
    filled = curve.share > 0
    ink = colour(model_colour(i))
    panel.plot(curve.confidence[filled], curve.accuracy[filled], color=ink, linewidth=1.4, alpha=0.8)
    sizes = 8 + 90 * np.sqrt(curve.share[filled])
    panel.scatter(
        curve.confidence[filled],
        curve.accuracy[filled],
        sizes,
        color=ink,
        marker=model_marker(i),
        edgecolors=colour("paper"),
        linewidths=0.8,
        clip_on=False,
        zorder=3,
    )


def score_plot(report: Report, model: str, slice_name: str, name: str) -> Plot:
    """How a model's scores of one slice spread, one outline per gold grade."""
    runs = report.runs[model][slice_name]
    scores, gold = _scores_and_gold(runs)
    edges = np.linspace(0, len(report.scale) - 1, SCORE_BINS + 1)

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        for grade in range(len(report.scale)):
            of_grade = scores[gold == grade]
            if len(of_grade):
                heights = np.histogram(of_grade, edges)[0] / len(of_grade)
                steps(panel, edges, heights, grade_colour(grade), 0.18)
        panel.set(xlim=(edges[0], edges[-1]), ylim=(0, None), xlabel="score")
        panel.set_xticks(range(len(report.scale)))
        panel.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")

    means = [
        f"{grade} {number(float(scores[gold == i].mean()))}"
        for i, grade in enumerate(report.scale.names)
        if (gold == i).any()
    ]
    caption = f"{model} on {slice_name}"
    return Plot(caption, draw(name, paint), f"Scores of {caption}, mean by gold grade: {listed(means)}.")


def _scores_and_gold(runs: Sequence[Judged]) -> tuple[FloatArray, FloatArray]:
    return (
        np.concatenate([judged.predictions.scores for judged in runs]),
        np.concatenate([judged.grades for judged in runs]),
    )


def pool_plot(report: Report, view: RoundView, name: str) -> Plot:
    """The OOD scores of a pool beside in-distribution pairs, and below them those that were selected."""
    everyone = np.concatenate([view.ood_scores, view.in_dist_scores])
    low, high = (float(everyone.min()), float(np.quantile(everyone, POOL_QUANTILE)))
    edges = np.linspace(low, high if high > low else low + 1, POOL_BINS + 1)

    def shares(scores: FloatArray, of: int) -> FloatArray:
        counts: FloatArray = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0] / max(of, 1)
        return counts

    def paint(figure: Figure) -> None:
        upper, lower = add_axes(figure, 0.5, 0.97), add_axes(figure, 0.165, 0.44)
        steps(upper, edges, shares(view.ood_scores, len(view.ood_scores)), "muted", 0.3)
        steps(upper, edges, shares(view.in_dist_scores, len(view.in_dist_scores)), "ink")
        below = np.zeros(POOL_BINS)
        for grade in range(len(report.scale)):
            chosen = view.ood_scores[view.selected[view.selected_grades == grade]]
            above = below + shares(chosen, 1)
            lower.stairs(above, edges, baseline=below, fill=True, color=colour(grade_colour(grade)))
            below = above
        for panel, label in ((upper, "share"), (lower, "selected")):
            panel.set(xlim=(edges[0], edges[-1]), ylim=(0, None), ylabel=label)
        upper.tick_params(axis="x", labelbottom=False, length=0)
        upper.set_yticks([])
        lower.set_xlabel("ood_score (larger is further from training)")
        lower.locator_params(axis="y", nbins=3, integer=True)

    place = f"{view.stage} {view.round}" if view.round else view.stage
    caption, words = (
        f"{view.model}, {place}: {view.strategy} by {view.detector}",
        _pool_words(report, view),
    )
    return Plot(caption, draw(name, paint, 280), f"{caption}. {words}", words)


def _pool_words(report: Report, view: RoundView) -> str:
    grades = np.bincount(view.selected_grades, minlength=len(report.scale))
    listing = listed([f"{count(n)} {grade}" for grade, n in zip(report.scale.names, grades, strict=True)])
    usual = float(np.median(view.in_dist_scores))
    beyond = (view.ood_scores > usual).mean()
    chosen_beyond = (view.ood_scores[view.selected] > usual).mean() if len(view.selected) else 0.0
    return (
        f"{count(len(view.selected))} of {count(len(view.ood_scores))} pool pairs selected: {listing}. "
        f"{percent(float(beyond))} of the pool and {percent(float(chosen_beyond))} of the selected lie above "
        "the in-distribution median."
    )
