"""The plots of report.html that show whether probabilities come true, and what abstaining gains."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from darl.evaluation.calibration_rows import AFTER, BEFORE
from darl.evaluation.calibration_view import Place, coverages
from darl.evaluation.equal_mass import Curve
from darl.evaluation.numerals import listed, number
from darl.evaluation.plots import Plot
from darl.evaluation.report import Report
from darl.evaluation.svg import add_axes, colour, draw, grade_colour, model_colour

DASHES = (0, (4, 3))
SQUARE = 270


def states(report: Report, slice_name: str) -> list[Place]:
    """Each model on a slice in the state in which it is used: calibrated, if it can be."""
    view = report.calibration
    places = [
        Place(model, slice_name, AFTER if model in view.calibrated else BEFORE) for model in report.models
    ]
    return [place for place in places if place in view.risks]


def grade_reliability_plot(report: Report, place: Place, name: str) -> Plot:
    """How often gold is a grade, against the probability that the grade is given; a curve for each grade."""
    curves = report.calibration.reliability[place][1:]

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        panel.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1, linestyle=DASHES)
        for grade, curve in enumerate(curves):
            _curve(panel, curve, grade_colour(grade))
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share", yticks=(0, 0.5, 1))

    errors = [
        report.calibration.row_at[place.model, place.slice, f"ece:{grade}"] for grade in report.scale.names
    ]
    spoken = [
        f"{grade} {number((row.after if place.when == AFTER else row.before).value)}"
        for grade, row in zip(report.scale.names, errors, strict=True)
    ]
    state = "calibrated" if place.when == AFTER else "not calibrated"
    caption = f"{place.model} on {place.slice}, {state}"
    return Plot(
        caption,
        draw(name, paint, SQUARE),
        f"Reliability of grades, {caption}; mean distance from the diagonal: {listed(spoken)}.",
    )


def _curve(panel: Axes, curve: Curve, variable: str) -> None:
    ink = colour(variable)
    panel.plot(curve.said, curve.true, "-o", color=ink, linewidth=1.2, ms=3.5, mew=0, clip_on=False)
    known = np.isfinite(curve.low)
    panel.vlines(curve.said[known], curve.low[known], curve.high[known], color=ink, linewidth=1.4, alpha=0.45)


def risk_coverage_plot(report: Report, slice_name: str, name: str) -> Plot:
    """The error rate among the surest pairs, against how many of them are answered."""
    view, used = report.calibration, states(report, slice_name)

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        for place in used:
            ink = colour(model_colour(report.models.index(place.model)))
            panel.plot(coverages(), view.risks[place], color=ink, linewidth=1.8)
            if place.when == AFTER:
                before = view.risks[place._replace(when=BEFORE)]
                panel.plot(coverages(), before, color=ink, linewidth=1, linestyle=DASHES, alpha=0.7)
        panel.set(xlim=(0, 1), ylim=(0, None), xlabel="coverage", ylabel="error rate")
        panel.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")

    half = len(coverages()) // 2 - 1
    spoken = [
        f"{place.model} errs on {number(float(view.risks[place][half]))} of the surest half and "
        f"{number(float(view.risks[place][-1]))} of all"
        for place in used
    ]
    return Plot(slice_name, draw(name, paint), f"Risk and coverage on {slice_name}: {listed(spoken)}.")
