"""A comparison, a gate's decision and a line between two models on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from darl.cli.tables import print_table, say
from darl.evaluation.comparison import Changed, Comparison
from darl.evaluation.ending import gate_cells
from darl.evaluation.gate import GateDecision
from darl.evaluation.interpolation import AlphaCurve, point_cells
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import interval, signed
from darl.evaluation.rows import Difference
from darl.evaluation.verdict import verdict

SHOWN = ("macro_f1", "qwk", "ndcg@10")


def print_comparison(found: Comparison, shown: int, out: Path | None) -> None:
    """Differences in the main metrics, and the changed pairs, the worst first.

    Args:
        found: What to show.
        shown: How many changed pairs.
        out: The folder that comparison.json and comparison.html were written to, if they were.
    """
    metrics = metrics_for(found.scale)
    at = {(one.slice, one.metric): one for one in found.differences}
    rows = [
        [name, f"{n:,}", f"{queries:,}", *(_cell(at[name, metric], found) for metric in SHOWN)]
        for name, (n, queries) in found.pairs.items()
    ]
    titles = [metrics[name].title for name in SHOWN]
    print_table(f"{found.title}: difference (▲ ▼ significant)", ["slice", "pairs", "queries", *titles], rows)
    worse = sum(one.harm > 0 for one in found.changed)
    title = f"{len(found.changed):,} pairs changed their grade, {worse:,} for the worse; the worst first"
    lines = [_pair(one, found.scale.names) for one in found.changed[:shown]]
    print_table(title, ["slice", "query", "item", "gold", "current", "candidate", "harm"], lines)
    if out is not None:
        say(f"comparison: {out / 'comparison.html'}")


def print_gate(decision: GateDecision) -> None:
    """What the gate saw, slice by slice, and what it decided."""
    metric = decision.rows[0].metric if decision.rows else ""
    rows = [list(gate_cells(one, decision)) for one in decision.rows]
    print_table(f"{metric}: candidate less current", ["slice", "difference", "the gate"], rows)
    say(decision.reason)


def print_line(curve: AlphaCurve) -> None:
    """The points between two models, and the one that is taken."""
    rows = [[*point_cells(one), "taken" * (one.alpha == curve.chosen)] for one in curve.points]
    title = f"(1 - alpha) {curve.first} + alpha {curve.second}, by {curve.metric}"
    print_table(title, ["alpha", *curve.parts, "mean", ""], rows)
    say(f"alpha {curve.chosen:g}: {curve.reason}")


def _cell(found: Difference, comparison: Comparison) -> str:
    mark = verdict(found, metrics_for(comparison.scale)[found.metric]).mark if found.significant else ""
    return " ".join(filter(None, [signed(found.value), interval(found.low, found.high), mark]))


def _pair(one: Changed, names: Sequence[str]) -> list[str]:
    pair = one.graded.pair
    grades = [names[grade] for grade in (one.graded.grade, one.current, one.candidate)]
    return [one.slice, pair.query, pair.item, *grades, signed(one.harm)]
