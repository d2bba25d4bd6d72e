"""comparison.html: two models side by side, one page that needs nothing else."""

from __future__ import annotations

from typing import NamedTuple

from darl.evaluation.comparison import Changed, Comparison
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import count, interval, listed, number, percent, signed
from darl.evaluation.page import TABLED, environment, ramps
from darl.evaluation.rows import Difference
from darl.evaluation.summary import HEADLINE
from darl.evaluation.verdict import Verdict, verdict

MOST = 300
"""Changed pairs that the page shows; comparison.json has all."""


class Cell(NamedTuple):
    """A difference as the page shows it."""

    value: str
    interval: str
    verdict: Verdict


class Line(NamedTuple):
    """A slice, or a domain of one."""

    name: str
    pairs: str
    queries: str
    cells: list[Cell]


class Pair(NamedTuple):
    """A changed pair in words."""

    slice: str
    query: str
    item: str
    domain: str
    gold: str
    current: str
    candidate: str
    harm: str
    tone: str


def comparison_html(found: Comparison) -> str:
    """The comparison as one HTML page: no script, nothing loaded from elsewhere."""
    metrics = metrics_for(found.scale)
    shown = list(metrics.values())[:TABLED]
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            found=found,
            how=_how(found),
            summary=_summary(found, metrics[HEADLINE]),
            metrics=shown,
            every=list(metrics.values()),
            lines=_lines(found, shown),
            full=_lines(found, list(metrics.values())),
            changed=[_pair(one, found) for one in found.changed[:MOST]],
            left_out=max(0, len(found.changed) - MOST),
            ramps=ramps(len(found.scale)),
        )
    )


def _how(found: Comparison) -> str:
    return (
        f"Candidate minus current, both before calibration. {percent(found.level)} intervals over "
        f"{count(found.resamples)} resamples of queries, the same for both."
    )


def _summary(found: Comparison, metric: Metric) -> list[str]:
    own = [one for one in found.differences if one.metric == metric.name]
    tones = {tone: [one for one in own if verdict(one, metric).tone == tone] for tone in ("worse", "better")}
    said = [
        f"significantly {tone} on {listed([f'{one.slice} ({signed(one.value)})' for one in rows])}"
        for tone, rows in tones.items()
        if rows
    ]
    verdict_ = f"In {metric.title}, the candidate is {'; '.join(said) or 'within noise on every slice'}."
    worse = sum(one.harm > 0 for one in found.changed)
    changed = f"{count(len(found.changed))} pairs have another grade than before"
    return [
        verdict_,
        f"{changed}: {count(worse)} of them have moved away from gold." if worse else f"{changed}.",
    ]


def _lines(found: Comparison, metrics: list[Metric]) -> list[Line]:
    at = {(one.slice, one.metric): one for one in found.differences}
    return [
        Line(name, count(n), count(q), [_cell(at[name, metric.name], metric) for metric in metrics])
        for name, (n, q) in found.pairs.items()
    ]


def _cell(one: Difference, metric: Metric) -> Cell:
    return Cell(signed(one.value), interval(one.low, one.high), verdict(one, metric))


def _pair(one: Changed, found: Comparison) -> Pair:
    pair, names = one.graded.pair, found.scale.names
    tone = "worse" if one.harm > 0 else "better"
    return Pair(
        one.slice,
        pair.query,
        pair.item,
        pair.domain,
        names[one.graded.grade],
        f"{names[one.current]} ({number(one.current_score)})",
        f"{names[one.candidate]} ({number(one.candidate_score)})",
        signed(one.harm),
        tone,
    )
