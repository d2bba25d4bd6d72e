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
        print_table(listing.title + more, listing.headers, rows)
    for sentence in summary(audit):
        say(sentence)
    for file in written:
        say(f"written: {file}")


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
    print_table(
        title, ["", BEFORE, AFTER, "change"], [[metrics[r.metric].title, *_spreads(r)] for r in shown]
    )
    by_domain = [r for name in slices[1:] for r in rows if r.slice == name and r.metric in DOMAIN_METRICS]
    if by_domain:
        lines = [[r.slice, f"{r.n:,}", metrics[r.metric].title, *_spreads(r)] for r in by_domain]
        print_table("By domain", ["domain", "pairs", "", BEFORE, AFTER, "change"], lines)
    for line in filter(None, calibration.told()):
        say(line)
    say(f"model: {folder}")


def _spreads(row: CalibrationRow) -> list[str]:
    """Before, after and the change; * where its interval leaves out 0."""
    before, after, change = (
        f"{number(one.value)} {interval(one.low, one.high)}".rstrip()
        for one in (row.before, row.after, row.change)
    )
    return [before, after, f"{change}{' *' * row.significant}"]


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with a title; in a file 160 columns wide."""
    table = Table(title=Text(title))
    for header in headers:
        table.add_column(Text(header))
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def say(text: str) -> None:
    """A line as it is."""
    Console().print(text, soft_wrap=True, markup=False, highlight=False)
