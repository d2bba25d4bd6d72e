"""report.html: one page that needs nothing else, made of html_tables.py, plots.py and summary.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import NamedTuple

from jinja2 import BaseLoader, Environment, FunctionLoader, StrictUndefined

from darl.evaluation import numerals
from darl.evaluation.calibration_plots import grade_reliability_plot, risk_coverage_plot, states
from darl.evaluation.calibration_tables import calibration_sections, shown_metrics
from darl.evaluation.curve_plots import curve_plots, outlook_lines
from darl.evaluation.html_tables import Footnotes, confusions, full_tables, main_sections, slice_facts
from darl.evaluation.metrics import metrics_for
from darl.evaluation.plots import Plot, metric_plot, pool_plot, reliability_plot, score_plot
from darl.evaluation.report import Report
from darl.evaluation.rows import GAP
from darl.evaluation.summary import HEADLINE, findings, headline, how, place, remarks
from darl.evaluation.svg import N_GRADES, grade_colour, model_colour, model_glyph

# Of the metrics in order: those of the main table, and the first of them also as plots.
TABLED = 4
PLOTTED = 3

# Ends and middle of the ramp of grades, from the least to the most relevant: apart for the colour-blind,
# and in lightness from the page.
GRADE_RAMP = {"light": ("#b4470f", "#c99a1c", "#1763ab"), "dark": ("#ef8354", "#f0cf6a", "#6cb4f2")}


class Key(NamedTuple):
    """An entry of a legend: a variable of the style sheet, a mark, and what they stand for."""

    colour: str
    glyph: str
    name: str


class Gallery(NamedTuple):
    """A section of plots.

    Attributes:
        heading: Its heading.
        text: How to read them.
        legend: What the colours and marks mean.
        plots: The plots.
        lines: What else is to be said, below them.
    """

    heading: str
    text: str
    legend: list[Key]
    plots: list[Plot]
    lines: Sequence[str] = ()


def html(report: Report) -> str:
    """The report as one HTML page: no script, nothing loaded from elsewhere."""
    footnotes = Footnotes()
    metrics = metrics_for(report.scale)
    shown = list(metrics.values())[:TABLED]
    together, by_grade = shown_metrics(report)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            how=how(report),
            headline=headline(report),
            findings=findings(report, metrics[HEADLINE]),
            headline_metric=metrics[HEADLINE].title,
            facts=slice_facts(report),
            columns=[*report.slices, *(row for row in _gap_names(report))],
            sections=main_sections(report, shown, footnotes),
            full=full_tables(report, list(metrics.values()), footnotes),
            calibration=calibration_sections(report, together, footnotes),
            calibration_by_grade=calibration_sections(report, by_grade, footnotes),
            galleries=[gallery for gallery in _galleries(report) if gallery.plots],
            confusions=confusions(report),
            remarks=remarks(report),
            footnotes=footnotes.texts,
            metrics=[*metrics.values(), *(one for one in together if one.name not in metrics)],
            ramps=ramps(len(report.scale)),
        )
    )


def ramps(n_grades: int) -> dict[str, list[str]]:
    """The colours of grades 0..N_GRADES-1 on a light and on a dark page."""
    return {theme: _ramp(anchors, n_grades) for theme, anchors in GRADE_RAMP.items()}


def environment() -> Environment:
    """What fills the pages' templates in; the style sheet needs `ramps`."""
    folder = files("darl.evaluation")

    def source(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    loader: BaseLoader = FunctionLoader(source)
    # Everything is escaped unless the template says otherwise: names come from data files.
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["place"] = place
    return made


def _gap_names(report: Report) -> list[str]:
    return list(dict.fromkeys(row.slice for row in report.rows if row.slice.startswith(GAP)))


def _galleries(report: Report) -> list[Gallery]:
    models = [Key(model_colour(i), model_glyph(i), model) for i, model in enumerate(report.models)]
    grades = [Key(grade_colour(i), "■", f"{i} {name}") for i, name in enumerate(report.scale.names)]
    return [
        _metric_gallery(report, models),
        Gallery(
            "Is confidence to be trusted?",
            "Above: share of right grades against the model's confidence, 15 bins, all seeds pooled; larger "
            "marks hold more pairs; on the dashed line confidence is honest, below it the model is too sure. "
            "Below: how many pairs have that confidence.",
            models,
            [reliability_plot(report, name, f"reliability-{i}") for i, name in enumerate(report.slices)],
        ),
        Gallery(
            "Do grades come true as often as they are said to?",
            "Share of pairs whose gold is the grade, against the probability of the grade; 15 bins of equal "
            "mass, with their intervals. On the dashed line a probability is honest. Calibrated where the "
            "model is.",
            grades,
            [
                grade_reliability_plot(report, place, f"grades-{i}-{j}")
                for i, name in enumerate(report.slices)
                for j, place in enumerate(states(report, name))
            ],
        ),
        Gallery(
            "What would abstaining gain?",
            "Error rate among the pairs that are answered, the surest first. Dashed: by the model's own "
            "confidence, before calibration, its decision rule and its abstention rule.",
            models,
            [risk_coverage_plot(report, name, f"risk-{i}") for i, name in enumerate(report.slices)],
        ),
        Gallery(
            "How scores tell grades apart",
            "Spread of the score (expected grade) for the pairs of each gold grade; each outline adds up to "
            "100%. The less they overlap, the better.",
            grades,
            _each_model_and_slice(report, lambda model, name, key: score_plot(report, model, name, key)),
        ),
        _curve_gallery(report),
        Gallery(
            "What was selected for annotation",
            "Above: ood_score of the pool (filled) and of held-out in-distribution pairs (line). Below: the "
            "selected pairs by the grade that annotation gave them. The last bin holds the farthest 0.5%.",
            [Key("muted", "■", "pool"), Key("ink", "□", "in-distribution"), *grades],
            [pool_plot(report, view, f"pool-{i}") for i, view in enumerate(report.rounds)],
        ),
    ]


def _metric_gallery(report: Report, models: list[Key]) -> Gallery:
    shown = list(metrics_for(report.scale).values())[:PLOTTED]
    plots = [metric_plot(report, metric, f"metric-{i}") for i, metric in enumerate(shown)]
    if _gap_names(report):
        plots += [metric_plot(report, metric, f"gap-{i}", gaps=True) for i, metric in enumerate(shown)]
    return Gallery(
        "In distribution and out of it",
        f"Mean over seeds with its {numerals.percent(report.level)} interval over queries; the small dots "
        "are the seeds. Gap: the value on in_dist minus that on the OOD slice.",
        models,
        plots,
    )


def _curve_gallery(report: Report) -> Gallery:
    learners = {one.model for one in report.outlooks}
    fresh = [
        Key(model_colour(i), "◆", f"{model}: the pool pairs graded last, before it learnt from them (fresh)")
        for i, model in enumerate(report.models)
        if model in learners
    ]
    return Gallery(
        "Is another round worth its labels?",
        f"The models before and after each round on the same pairs, with {numerals.percent(report.level)} "
        "intervals over queries. Dashed: the power law fitted to them; open mark: what it says of the next "
        "round. Fresh pairs were selected: they are not a fair sample of the traffic they come from. "
        "Validation pairs are in distribution, and say little about what was selected.",
        [*fresh, Key("muted", "●", "validation pairs (valid)")],
        curve_plots(report),
        outlook_lines(report),
    )


def _each_model_and_slice(report: Report, plot: Callable[[str, str, str], Plot]) -> list[Plot]:
    return [
        plot(model, name, f"scores-{i}-{j}")
        for i, model in enumerate(report.models)
        for j, name in enumerate(report.slices)
        if name in report.runs[model]
    ]


def _ramp(anchors: Sequence[str], k: int) -> list[str]:
    """The colours of grades 0..N_GRADES-1, K of them along the anchors and the rest as they come."""
    return [_between(anchors, min(i / max(k - 1, 1), 1.0)) for i in range(N_GRADES)]


def _between(anchors: Sequence[str], at: float) -> str:
    """The colour a share `at` of the way along the anchors.

    >>> _between(("#000000", "#ffffff", "#ff0000"), 0.25)
    '#808080'
    """
    place = at * (len(anchors) - 1)
    left = min(int(place), len(anchors) - 2)
    channels = [(int(anchors[left][i : i + 2], 16), int(anchors[left + 1][i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * (place - left)):02x}" for a, b in channels)
