"""The report in plain words, made from its numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import count, interval, listed, number, percent, signed
from darl.evaluation.report import Report
from darl.evaluation.rows import GAP, IN_DIST
from darl.evaluation.verdict import Verdict, verdict

HEADLINE = "macro_f1"
TONES = {
    "better": "significantly better",
    "worse": "significantly worse",
    "noise": "within noise",
    "unknown": "undecided",
}


class Finding(NamedTuple):
    """One difference, as a line.

    Attributes:
        place: The slice, or the gap.
        value: The difference.
        interval: Its interval, "" without.
        verdict: What it means.
    """

    place: str
    value: str
    interval: str
    verdict: Verdict


def findings(report: Report, metric: Metric) -> dict[str, list[Finding]]:
    """The differences of each model to the baseline in one metric, gaps included, as lines."""
    lines: dict[str, list[Finding]] = {}
    for found in report.differences:
        if found.metric == metric.name:
            shown = interval(found.low, found.high)
            line = Finding(place(found.slice), signed(found.value), shown, verdict(found, metric))
            lines.setdefault(found.model, []).append(line)
    return lines


def place(name: str) -> str:
    """A slice in words.

    >>> place("far_ood"), place("gap:far_ood")
    ('far_ood', 'gap to far_ood')
    """
    return f"gap to {name.removeprefix(GAP)}" if name.startswith(GAP) else name


def how(report: Report) -> str:
    """The line below the title: baseline, seeds and intervals."""
    seeds = set(report.seeds.values())
    each = f"{min(seeds)} each" if len(seeds) == 1 else listed([f"{m} {n}" for m, n in report.seeds.items()])
    return (
        f"Baseline: {report.baseline}. Seeds: {each}. {percent(report.level)} intervals over "
        f"{count(report.resamples)} resamples of queries."
    )


def headline(report: Report) -> list[str]:
    """The paragraphs that open the report: differences, gaps and what they cost in labels."""
    metric = metrics_for(report.scale)[HEADLINE]
    others = [model for model in report.models if model != report.baseline]
    paragraphs = [_compared(report, model, metric) for model in others] or [_alone(report, metric)]
    return [*paragraphs, *filter(None, [_furthest(report, metric), _labels(report), _ended(report)])]


def _alone(report: Report, metric: Metric) -> str:
    rows = [report.row_at[report.baseline, name, metric.name] for name in report.slices]
    reached = [
        f"{number(row.value)} on {row.slice}" + f" {interval(row.low, row.high)}".rstrip() for row in rows
    ]
    return f"{report.baseline} reaches a {metric.title} of {listed(reached)}."


def _compared(report: Report, model: str, metric: Metric) -> str:
    """One sentence: on which slices a model is better, worse, or no different beyond noise."""
    by_tone: dict[str, list[str]] = {}
    for name in report.slices:
        if (model, name, metric.name) in report.difference_at:
            found = report.difference_at[model, name, metric.name]
            by_tone.setdefault(verdict(found, metric).tone, []).append(f"{name} ({signed(found.value)})")
    phrases = [f"{words} on {listed(by_tone[tone])}" for tone, words in TONES.items() if tone in by_tone]
    if not phrases:
        return f"{model} and {report.baseline} were judged on no common slice."
    return f"Against {report.baseline}, the {metric.title} of {model} is {'; '.join(phrases)}."


def _furthest(report: Report, metric: Metric) -> str:
    """What each model loses from in_dist to the furthest slice; "" where there is no gap."""
    keys = [(model, GAP + report.slices[-1], metric.name) for model in report.models]
    rows = [report.row_at[key] for key in keys if key in report.row_at]
    gaps = [f"{number(row.value)} for {row.model}" for row in rows if row.value is not None]
    return f"From {IN_DIST} to {report.slices[-1]}, {metric.title} falls by {listed(gaps)}." if gaps else ""


def _labels(report: Report) -> str:
    spent = {model: _spent(report, model) for model in report.models}
    if len(set(spent.values())) == 1:
        return f"Labels learnt from: {spent[report.baseline]}{' each' * (len(spent) > 1)}."
    differ = len({report.n_labels(model) for model in report.models}) > 1
    caution = " They differ: part of a difference may be due to them." if differ else ""
    return f"Labels learnt from: {listed([f'{model} {words}' for model, words in spent.items()])}.{caution}"


def _ended(report: Report) -> str:
    """Which rounds a stop rule ended early; "" for none."""
    early = [
        f"{one.model} (seed {one.seed}, {one.stage}) after {one.outlook.round} of {one.outlook.rounds}"
        for one in report.outlooks
        if one.outlook.stop
    ]
    return f"A stop rule ended the rounds of {listed(early)}: see below." if early else ""


def _spent(report: Report, model: str) -> str:
    chosen = report.labels[model]["selected"]
    return count(report.n_labels(model)) + (f" ({count(chosen)} selected)" if chosen else "")


def remarks(report: Report) -> list[str]:
    """What a reader should know before trusting a number: the caller's notes and what the data say."""
    return [*report.notes, *_absent_grades(report), *_uncertainty(report)]


def _absent_grades(report: Report) -> list[str]:
    found = []
    for name in report.slices:
        present = np.unique(report.judged_on(name).grades)
        absent = [grade for i, grade in enumerate(report.scale.names) if i not in present]
        if absent:
            found.append(
                f"Gold of {name} has no pair graded {listed(absent)}: its Macro-F1 is the mean over the "
                "other grades, and its gap compares means over different grades."
            )
    return found


def _uncertainty(report: Report) -> list[str]:
    level = percent(report.level)
    lines = [
        f"Intervals are {level} percentile intervals over {count(report.resamples)} resamples of queries. "
        "They say how far a value would move with other queries, not with other seeds."
    ]
    if report.differences:
        lines.append(
            "A difference is called significant where its interval leaves out 0, and within noise where it "
            f"does not. Each comparison stands alone: where nothing differs, about "
            f"{percent(1 - report.level)} of them come out significant by chance."
        )
    single = [model for model, n in report.seeds.items() if n == 1]
    if single:
        lines.append(f"One seed only: {listed(single)}. How much another seed would change is not known.")
    return lines
