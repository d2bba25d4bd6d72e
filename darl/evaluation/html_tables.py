"""The tables of report.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from darl.evaluation.confusion import confusion_matrix
from darl.evaluation.metric import Metric
from darl.evaluation.numerals import MISSING, count, interval, number, percent, signed
from darl.evaluation.report import Report
from darl.evaluation.rows import GAP
from darl.evaluation.svg import model_colour, model_glyph
from darl.evaluation.verdict import verdict

NOT_JUDGED = "the model was not judged on this slice"


class Footnotes:
    """Reasons, numbered in the order in which the page comes to them; equal ones share a number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def number(self, text: str) -> int:
        """The number of a reason, 1-based; 0 for none."""
        if not text:
            return 0
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


class Cell(NamedTuple):
    """A value in a table.

    Attributes:
        value: The number, or a dash.
        interval: Its interval, "" without.
        change: The difference to the baseline, "" without.
        tone: The difference's verdict: "better", "worse", "noise", "unknown", "".
        mark: A sign for it.
        words: The verdict in words.
        reason: Why a number is missing or what it leaves out.
        footnote: The number of the reason among the footnotes, 0 for none.
    """

    value: str
    interval: str = ""
    change: str = ""
    tone: str = ""
    mark: str = ""
    words: str = ""
    reason: str = ""
    footnote: int = 0


class Line(NamedTuple):
    """A model's line: its colour and mark in the plots, its labels in words, and a cell per column."""

    model: str
    colour: str
    glyph: str
    labels: str
    cells: list[Cell]


class Section(NamedTuple):
    """The lines of one metric."""

    metric: Metric
    lines: list[Line]


class SliceFacts(NamedTuple):
    """What a slice holds: pairs, queries, and (grade, pairs, share) of its gold."""

    name: str
    pairs: str
    queries: str
    grades: list[tuple[str, str, str]]


class Confusion(NamedTuple):
    """A confusion matrix: lines of (grade, [(share as text, pairs, share 0..1)])."""

    model: str
    slice: str
    lines: list[tuple[str, list[tuple[str, str, float]]]]


def _columns(report: Report) -> list[str]:
    gaps = dict.fromkeys(row.slice for row in report.rows if row.slice.startswith(GAP))
    return [*report.slices, *gaps]


def main_sections(report: Report, metrics: Sequence[Metric], footnotes: Footnotes) -> list[Section]:
    """Per metric, a line per model with a cell per slice and gap, differences to the baseline inside."""
    return [
        Section(
            metric,
            [
                Line(
                    model,
                    model_colour(i),
                    model_glyph(i),
                    _labels(report, model),
                    [_cell(report, model, name, metric, footnotes) for name in _columns(report)],
                )
                for i, model in enumerate(report.models)
            ],
        )
        for metric in metrics
    ]


def _labels(report: Report, model: str) -> str:
    spent, chosen = report.n_labels(model), report.labels[model]["selected"]
    return f"{count(spent)} labels" + (f" ({count(chosen)} selected)" if chosen else "")


def _cell(report: Report, model: str, name: str, metric: Metric, footnotes: Footnotes) -> Cell:
    key = (model, name, metric.name)
    if key not in report.row_at:
        return Cell(MISSING, reason=NOT_JUDGED, footnote=footnotes.number(NOT_JUDGED))
    row = report.row_at[key]
    show = signed if name.startswith(GAP) else number
    cell = Cell(
        show(row.value),
        interval(row.low, row.high),
        reason=row.reason,
        footnote=footnotes.number(row.reason),
    )
    if key not in report.difference_at or row.value is None:
        return cell
    found = report.difference_at[key]
    tone, mark, words = verdict(found, metric)
    shown = f"{signed(found.value)} {interval(found.low, found.high)}".rstrip()
    return cell._replace(change=signed(found.value), tone=tone, mark=mark, words=f"{shown}, {words}")


def full_tables(
    report: Report, metrics: Sequence[Metric], footnotes: Footnotes
) -> list[tuple[str, list[tuple[Metric, list[Cell]]]]]:
    """Per slice and gap, every metric with a cell per model."""
    return [
        (
            name,
            [
                (metric, [_cell(report, model, name, metric, footnotes) for model in report.models])
                for metric in metrics
            ],
        )
        for name in _columns(report)
    ]


def slice_facts(report: Report) -> list[SliceFacts]:
    """What was judged."""
    facts = []
    for name in report.slices:
        judged = report.judged_on(name)
        grades = np.bincount(judged.grades, minlength=len(report.scale))
        facts.append(
            SliceFacts(
                name,
                count(len(judged)),
                count(judged.n_queries),
                [
                    (grade, count(n), percent(n / max(len(judged), 1)))
                    for grade, n in zip(report.scale.names, grades, strict=True)
                ],
            )
        )
    return facts


def confusions(report: Report) -> list[Confusion]:
    """A confusion matrix per slice and model: row shares and pairs, both means over seeds."""
    return [
        _confusion(report, model, name)
        for name in report.slices
        for model in report.models
        if name in report.runs[model]
    ]


def _confusion(report: Report, model: str, name: str) -> Confusion:
    pairs = np.mean([confusion_matrix(judged) for judged in report.runs[model][name]], axis=0)
    shares = pairs / np.maximum(pairs.sum(axis=1, keepdims=True), 1)
    return Confusion(
        model,
        name,
        [
            (
                grade,
                [
                    (percent(share) if row.any() else MISSING, count(n), round(float(share), 3))
                    for share, n in zip(shares_of, row, strict=True)
                ],
            )
            for grade, row, shares_of in zip(report.scale.names, pairs, shares, strict=True)
        ],
    )
