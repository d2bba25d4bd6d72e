"""What studies find, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from darl.cli.tables import print_table, say
from darl.evaluation.rows import IN_DIST
from darl.pipeline.darl_page import Studied
from darl.pipeline.darl_tables import check_rows, earned_rows, main_rows
from darl.pipeline.detection_rows import Finding, auroc_rows
from darl.pipeline.objective_rows import Outcome, outcome_rows
from darl.pipeline.selection_rows import Gain, gain_rows
from darl.pipeline.study import OOD, ROWS


def print_findings(found: Sequence[Finding], out: Path) -> None:
    """How well every detector tells the slices apart, the best first, a table for each experiment.

    Args:
        found: What a study of detection found.
        out: Its folder.
    """
    for experiment in dict.fromkeys(one.experiment for one in found):
        slices, rows = auroc_rows([one for one in found if one.experiment == experiment])
        print_table(f"{experiment}: AUROC against in_dist", ["detector", "features", "mean", *slices], rows)
    say(f"rows: {out / ROWS}")


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
        print_table(title, ["strategy", "labels", "queries", *slices], rows)
    say(f"rows: {out / ROWS}")


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
        print_table(title, ["objective", *slices], rows)
    say(f"page: {page}")


def print_study(studied: Sequence[Studied], metric: str, page: Path) -> None:
    """Every rival, what must be reached, and which parts earn their place, for each experiment.

    Args:
        studied: What a study of DaRL found.
        metric: The metric to show.
        page: Where its page is.
    """
    for one in studied:
        title = f"{one.name}: {metric} (less that of random; ▲ significantly better, ▼ worse)"
        print_table(title, *main_rows(one.found, metric))
        print_table(f"{one.name}: what must be reached", ["", "", ""], check_rows(one.checks))
        parts = earned_rows(one.earned, metric)
        if parts:
            print_table(
                f"{one.name}: {metric}, the recipe less itself without", ["part", IN_DIST, OOD, ""], parts
            )
    say(f"page: {page}")
