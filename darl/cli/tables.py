"""A report on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from darl.calibration.calibration import Calibration
from darl.evaluation.audit import Audit
from darl.evaluation.audit_listing import listings, summary
from darl.evaluation.brier import BRIER
from darl.evaluation.calibration_metrics import calibration_metrics
from darl.evaluation.calibration_rows import AFTER, BEFORE, CalibrationRow
from darl.evaluation.equal_mass import MASS_ECE
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.numerals import interval, number
from darl.evaluation.report import Report
from darl.evaluation.selective import ANSWERED, ANSWERED_ACCURACY
from darl.evaluation.table import calibration_table_rows, plain_table_rows
from darl.pipeline.detection_rows import Finding, auroc_rows
from darl.pipeline.objective_rows import Outcome, outcome_rows
from darl.pipeline.selection_rows import Gain, gain_rows
from darl.pipeline.study import ROWS

WIDTH = 100
SHOWN, LONGEST = 10, 60
"""Rows of each list of an audit, and characters of a text in it."""
TEXTS = ("query", "item")
DOMAIN_METRICS = (MASS_ECE.name, BRIER.name, MACRO_F1.name)


def print_report(report: Report, out: Path | None) -> None:
    """The main table, what needs saying, and where the whole report is.

    Args:
        report: What to show.
        out: The folder that report.json and report.html were written to, if they were.
    """
    found = plain_table_rows(report)
    found = found._replace(rows=found.rows + calibration_table_rows(report).rows)
    table = Table(title=Text(report.title), caption=found.caption, caption_justify="left")
    for header in found.headers:
        table.add_column(Text(header))
    for row in found.rows:
        if not any(row[1:]):
            table.add_section()
        table.add_row(*map(Text, row), style="" if any(row[1:]) else "bold")
    console = Console(width=None if sys.stdout.isatty() else max(WIDTH, _needed(found.rows)))
    console.print(table)
    if out is not None:
        console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False, highlight=False)


def _needed(rows: list[list[str]]) -> int:
    """Columns that the widest row needs, so that in a file no cell is broken."""
    full = [row for row in rows if any(row[1:])]
    return sum(max(len(row[i]) for row in full) + 3 for i in range(len(full[0]))) + 1


def print_findings(found: Sequence[Finding], out: Path) -> None:
    """How well every detector tells the slices apart, the best first, a table for each experiment.

    Args:
        found: What a study of detection found.
        out: Its folder.
    """
    for experiment in dict.fromkeys(one.experiment for one in found):
        slices, rows = auroc_rows([one for one in found if one.experiment == experiment])
        _print(f"{experiment}: AUROC against in_dist", ["detector", "features", "mean", *slices], rows)
    _say(f"rows: {out / ROWS}")


def print_gains(found: Sequence[Gain], metric: str, out: Path) -> None:
    """What every strategy's labels brought, and less random's, a table for each experiment.

    Args:
        found: What a study of selection found.
        metric: The metric to show.
        out: Its folder.
    """
    for experiment in dict.fromkeys(one.experiment for one in found):
        slices, rows = gain_rows([one for one in found if one.experiment == experiment], metric)
        title = f"{experiment}: {metric} (less that of random labels; ▲ ▼ significant)"
        _print(title, ["strategy", "labels", "queries", *slices], rows)
    _say(f"rows: {out / ROWS}")


def print_audit(audit: Audit, written: Sequence[Path]) -> None:
    """What an audit comes to, and the first rows of each of its lists.

    Args:
        audit: What was found.
        written: The files that it was written to.
    """
    for listing in listings(audit, SHOWN):
        more = f" (the first {len(listing.rows)} of {listing.total:,})" if listing.total > SHOWN else ""
        cut = [header in TEXTS for header in listing.headers]
        rows = [
            [_shortened(cell) if is_text else cell for cell, is_text in zip(row, cut, strict=True)]
            for row in listing.rows
        ]
        _print(listing.title + more, listing.headers, rows)
    for sentence in summary(audit):
        _say(sentence)
    for file in written:
        _say(f"written: {file}")


def _shortened(text: str) -> str:
    """A query or an item on one line of a table."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def print_calibration(calibration: Calibration, rows: Sequence[CalibrationRow], folder: Path) -> None:
    """Before and after, on all validation pairs and by domain; what was learnt, and where it is.

    Args:
        calibration: What was fitted.
        rows: Before and after, each pair told by a calibration fitted on other queries.
        folder: The model's.
    """
    metrics = calibration_metrics(calibration.scale)
    if calibration.abstention is None:
        rows = [row for row in rows if row.metric not in (ANSWERED.name, ANSWERED_ACCURACY.name)]
    slices = list(dict.fromkeys(row.slice for row in rows))
    shown = [row for row in rows if row.slice == slices[0]]
    title = (
        f"Before and after calibration: {calibration.pairs:,} validation pairs, each told by other queries"
    )
    _print(title, ["", BEFORE, AFTER, "change"], [[metrics[r.metric].title, *_spreads(r)] for r in shown])
    by_domain = [r for name in slices[1:] for r in rows if r.slice == name and r.metric in DOMAIN_METRICS]
    if by_domain:
        lines = [[r.slice, f"{r.n:,}", metrics[r.metric].title, *_spreads(r)] for r in by_domain]
        _print("By domain", ["domain", "pairs", "", BEFORE, AFTER, "change"], lines)
    for line in filter(None, calibration.told()):
        _say(line)
    _say(f"model: {folder}")


def _spreads(row: CalibrationRow) -> list[str]:
    """Before, after and the change; * where its interval leaves out 0."""
    before, after, change = (
        f"{number(one.value)} {interval(one.low, one.high)}".rstrip()
        for one in (row.before, row.after, row.change)
    )
    return [before, after, f"{change}{' *' * row.significant}"]


def print_outcomes(found: Sequence[Outcome], metric: str, page: Path) -> None:
    """What every objective brought, and less softmax, a table for each experiment.

    Args:
        found: What a study of objectives found.
        metric: The metric to show.
        page: Where its page is.
    """
    for experiment in dict.fromkeys(one.experiment for one in found):
        slices, rows = outcome_rows([one for one in found if one.experiment == experiment], metric)
        title = f"{experiment}: {metric} (less that of softmax; ▲ significantly better, ▼ worse)"
        _print(title, ["objective", *slices], rows)
    _say(f"page: {page}")


def _print(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=Text(title))
    for header in headers:
        table.add_column(Text(header))
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _say(text: str) -> None:
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
