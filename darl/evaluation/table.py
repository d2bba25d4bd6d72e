"""The report as a table of text, narrow enough for a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from darl.errors import ConfigError
from darl.evaluation.calibration_rows import Spread
from darl.evaluation.equal_mass import MASS_ECE
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.report import Report

DEFAULT_METRICS = ("macro_f1", "qwk")


class PlainTable(NamedTuple):
    """A table of text.

    Attributes:
        headers: Titles of the columns.
        rows: Cells, one per column. A row that names a metric has only its first cell filled.
        caption: What the marks mean.
    """

    headers: list[str]
    rows: list[list[str]]
    caption: str


def plain_table_rows(report: Report, metrics: Sequence[str] = DEFAULT_METRICS) -> PlainTable:
    """A row per model, its difference to the baseline below it, a column per slice; grouped by metric.

    Args:
        report: The report.
        metrics: Names of the metrics to show, in order.

    Raises:
        ConfigError: A metric that the report does not have.
    """
    known = metrics_for(report.scale)
    faults = [
        f"expected one of {', '.join(known)}, received {name!r}" for name in metrics if name not in known
    ]
    if faults:
        raise ConfigError("metrics", faults)
    rows = [row for name in metrics for row in _rows(report, known[name])]
    caption = f"in brackets: {report.level:.0%} interval over queries"
    if report.differences:
        caption += f"; * significantly different from {report.baseline}"
    return PlainTable(["model", "labels", *report.slices], rows, caption)


def calibration_table_rows(report: Report) -> PlainTable:
    """The calibration error of each model as it is, after calibration, and the change; a column per slice."""
    view, rows = report.calibration, [[f"{MASS_ECE.name} (less is better)", *[""] * (1 + len(report.slices))]]
    for model in report.models:
        found = [view.row_at.get((model, name, MASS_ECE.name)) for name in report.slices]
        rows.append([f"  {model}", "", *(_spread(row and row.before) for row in found)])
        if model in view.calibrated:
            rows.append(["   calibrated", "", *(_spread(row and row.after) for row in found)])
    return PlainTable(["model", "labels", *report.slices], rows, "")


def _spread(spread: Spread | None) -> str:
    if spread is None or spread.value is None:
        return "-"
    return f"{round(spread.value, 3) + 0.0:.3f}{_interval(spread.low, spread.high)}"


def _rows(report: Report, metric: Metric) -> list[list[str]]:
    # Short, or the first column would take the room of the numbers.
    head = metric.name if metric.larger_is_better else f"{metric.name} (less is better)"
    rows = [[head, *[""] * (1 + len(report.slices))]]
    for model in report.models:
        cells = [_value(report, model, name, metric) for name in report.slices]
        rows.append([f"  {model}", _labels(report, model), *cells])
        if model != report.baseline:
            cells = [_difference(report, model, name, metric) for name in report.slices]
            rows.append([f"   - {report.baseline}", "", *cells])
    return rows


def _labels(report: Report, model: str) -> str:
    spent = report.labels[model]
    if not any(spent.values()):  # a model that was made elsewhere
        return "-"
    return f"{spent['train']}+{spent['selected']}" if spent["selected"] else str(spent["train"])


def _value(report: Report, model: str, name: str, metric: Metric) -> str:
    row = report.row_at.get((model, name, metric.name))
    if row is None or row.value is None:
        return "-"
    return f"{round(row.value, 3) + 0.0:.3f}{_interval(row.low, row.high)}"


def _difference(report: Report, model: str, name: str, metric: Metric) -> str:
    found = report.difference_at.get((model, name, metric.name))
    if found is None or found.value is None:
        return "-"
    mark = "*" if found.significant else ""
    return f"{round(found.value, 3) + 0.0:+.3f}{_interval(found.low, found.high)}{mark}"


def _interval(low: float | None, high: float | None) -> str:
    """The interval without leading zeros, to be narrow.

    >>> _interval(0.484, 0.541), _interval(-0.01, 1.2), _interval(None, None)
    (' [.484,.541]', ' [-.010,1.200]', '')
    """
    if low is None or high is None:
        return ""
    return f" [{_short(low)},{_short(high)}]"


def _short(value: float) -> str:
    text = f"{round(value, 3) + 0.0:.3f}"
    return text.replace("0.", ".", 1) if text.removeprefix("-").startswith("0.") else text
