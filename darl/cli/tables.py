"""A report on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from darl.evaluation.report import Report
from darl.evaluation.table import plain_table_rows

WIDTH = 100


def print_report(report: Report, out: Path | None) -> None:
    """The main table, what needs saying, and where the whole report is.

    Args:
        report: What to show.
        out: The folder that report.json and report.html were written to, if they were.
    """
    found = plain_table_rows(report)
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
