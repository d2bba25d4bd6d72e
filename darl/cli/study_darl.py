"""darl study darl."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from darl.cli.study_options import check_metric, load_all, metric_option, page_option, study_options

EXAMPLE = """\b
Examples:
  darl study darl experiments/darl-insurance.yaml experiments/darl-dbpedia.yaml --out runs/study
  darl study darl experiments/darl-insurance.yaml --out runs/quick --set seeds=[0] \\
      --only plain --only random --only darl --only ceiling
"""


@click.command(epilog=EXAMPLE)
@study_options
@click.option("--recipe", default="darl", show_default=True, help="The recipe that all rivals are made from.")
@click.option(
    "--only", multiple=True, metavar="LABEL", help="Run this rival; again for more, later for others. [all]"
)
@metric_option("macro_f1")
@page_option("study.md")
def darl(
    experiments: tuple[Path, ...],
    out: Path,
    recipe: str,
    only: tuple[str, ...],
    metric: str,
    page: Path | None,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Whether DaRL works, beside simple rivals with as many labels.

    From one recipe of each of the EXPERIMENTS (files as `darl run` takes them) the rivals are made: plain
    fine-tuning, random, margin and DASA labels learnt at once, the recipe without each of its parts, and the
    whole pool labelled. All are trained with every seed and compared; a Markdown page with plots says what
    came out, and whether what DaRL must reach was reached.
    """
    checked = load_all(experiments, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.study_tables import print_study
    from darl.pipeline.darl_study import PAGE, study_darl

    check_metric(metric, checked)
    page = page or out / PAGE
    with cli_progress() as progress:
        studied = study_darl(
            checked,
            out,
            recipe=recipe,
            only=only,
            page=page,
            command=shlex.join(["darl", *sys.argv[1:]]),
            resume=resume,
            progress=progress,
        )
    print_study(studied, metric, page)
