"""The tables of report.html that show models before and after calibration."""

from __future__ import annotations

from collections.abc import Sequence

from darl.evaluation.calibration_metrics import calibration_metrics
from darl.evaluation.calibration_rows import CalibrationRow, Spread
from darl.evaluation.html_tables import NOT_JUDGED, Cell, Footnotes, Line, Section
from darl.evaluation.metric import Metric
from darl.evaluation.numerals import MISSING, interval, number, signed
from darl.evaluation.report import Report
from darl.evaluation.rows import Difference
from darl.evaluation.svg import model_colour, model_glyph
from darl.evaluation.verdict import verdict

OWN, CALIBRATED = "as the model says it", "calibrated"


def calibration_sections(report: Report, metrics: Sequence[Metric], footnotes: Footnotes) -> list[Section]:
    """Per metric, a line per model as it is and one after calibration, with a cell per slice.

    Args:
        report: The report.
        metrics: Of `calibration_metrics`.
        footnotes: Where reasons go.
    """
    return [
        Section(
            metric, [line for i in range(len(report.models)) for line in _lines(report, i, metric, footnotes)]
        )
        for metric in metrics
    ]


def shown_metrics(report: Report) -> tuple[list[Metric], list[Metric]]:
    """The metrics of all grades together, and those of one grade each; abstention where a model abstains."""
    answers = [row for row in report.calibration.rows if row.metric == "answered"]
    abstains = any(row.after.value not in (None, 1.0) for row in answers)
    metrics = [
        metric
        for metric in calibration_metrics(report.scale).values()
        if abstains or not metric.name.startswith("answered")
    ]
    together = [metric for metric in metrics if ":" not in metric.name]
    return together, [metric for metric in metrics if ":" in metric.name]


def _lines(report: Report, i: int, metric: Metric, footnotes: Footnotes) -> list[Line]:
    model, view = report.models[i], report.calibration
    found = [view.row_at.get((model, name, metric.name)) for name in report.slices]
    looks = (model, model_colour(i), model_glyph(i))
    lines = [Line(*looks, OWN, [_own(row, footnotes) for row in found])]
    if model in view.calibrated:
        lines.append(Line(*looks, CALIBRATED, [_calibrated(row, metric, footnotes) for row in found]))
    return lines


def _own(row: CalibrationRow | None, footnotes: Footnotes) -> Cell:
    if row is None:
        return Cell(MISSING, reason=NOT_JUDGED, footnote=footnotes.number(NOT_JUDGED))
    return _cell(row.before, row.reason, footnotes)


def _calibrated(row: CalibrationRow | None, metric: Metric, footnotes: Footnotes) -> Cell:
    """With the change, and whether it is more than noise."""
    if row is None:
        return Cell(MISSING, reason=NOT_JUDGED, footnote=footnotes.number(NOT_JUDGED))
    cell = _cell(row.after, row.reason, footnotes)
    if row.change.value is None:
        return cell
    found = Difference(CALIBRATED, OWN, row.slice, row.metric, *row.change, row.n, row.reason)
    tone, mark, words = verdict(found, metric)
    shown = f"{signed(row.change.value)} {interval(row.change.low, row.change.high)}".rstrip()
    return cell._replace(change=signed(row.change.value), tone=tone, mark=mark, words=f"{shown}, {words}")


def _cell(spread: Spread, reason: str, footnotes: Footnotes) -> Cell:
    reason = reason if spread.value is None or spread.low is None else ""
    return Cell(
        number(spread.value),
        interval(spread.low, spread.high),
        reason=reason,
        footnote=footnotes.number(reason),
    )
