"""darl study."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from darl.cli.options import parse_component, parse_objective
from darl.cli.study_darl import darl
from darl.cli.study_options import (
    check_metric,
    labelled_as,
    load_all,
    metric_option,
    page_option,
    selection_options,
    study_options,
    unlike,
)

EXAMPLE = """\b
Examples:
  darl study detection experiments/esci.yaml experiments/dbpedia.yaml --out runs/detection
  darl study detection mine.yaml --out runs/mine --detector knn --detector knn:k=50 --view frozen.item
"""

SELECTION_EXAMPLE = """\b
Examples:
  darl study selection experiments/esci.yaml --out runs/selection --budget 100 --budget 200 \\
      --strategy margin --strategy 'half={name: mixture, strategies: [random, ood_band], shares: [0.5, 0.5]}'
"""

DASA_EXAMPLE = """\b
Example:
  darl study dasa experiments/dasa-insurance.yaml experiments/dasa-dbpedia.yaml --out runs/dasa \\
      --strategy dasa --strategy margin --budget 100 --budget 200 --share 0.05 --share 0.2
"""


OBJECTIVES_EXAMPLE = """\b
Examples:
  darl study objectives experiments/esci.yaml experiments/dbpedia.yaml --out runs/objectives
  darl study objectives mine.yaml --out runs/mine --metric pairwise \\
      --objective sharp=soft_grades:sharpness=4 \\
      --objective 'both=[soft_grades, {name: in_query_contrast, weight: 1}]'
"""


@click.group("study", epilog=EXAMPLE)
def command() -> None:
    """Measure what works on your own data."""


@command.command(epilog=EXAMPLE)
@study_options
@click.option(
    "--detector", "detectors", multiple=True, help="NAME or NAME:KEY=VALUE,...; again for more. [all]"
)
@click.option(
    "--view",
    "views",
    multiple=True,
    help="Features, such as frozen.item; again for more. "
    "[tuned, frozen, frozen.query, frozen.item, likelihood.query]",
)
@click.option(
    "--most",
    default=2000,
    show_default=True,
    type=click.IntRange(min=10),
    help="Pairs of a slice, and training pairs.",
)
def detection(
    experiments: tuple[Path, ...],
    out: Path,
    detectors: tuple[str, ...],
    views: tuple[str, ...],
    most: int,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Which detector, on which features, tells unfamiliar traffic apart.

    Of each of the EXPERIMENTS (files as `darl run` takes them) the first stage of the baseline is trained.
    Then every detector on every view scores the test slices: the first is what is in distribution, the
    others are what is to be told from it, and so is the first with its queries misspelt and reworded.
    """
    checked = load_all(experiments, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.study_tables import print_findings
    from darl.pipeline.detection_study import parse_study, study_detection

    settings = parse_study([parse_component(one) for one in detectors], views)
    with cli_progress() as progress:
        found = study_detection(checked, out, **settings, most=most, resume=resume, progress=progress)
    print_findings(found, out)


@command.command(epilog=SELECTION_EXAMPLE)
@study_options
@selection_options
def selection(
    experiments: tuple[Path, ...],
    out: Path,
    strategies: tuple[str, ...],
    budgets: tuple[int, ...],
    ceiling: bool,
    metric: str,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Which selection strategy makes the most of a budget of labels.

    Of each of the EXPERIMENTS (files as `darl run` takes them) the last recipe that selects once is run with
    every strategy and every budget, each beside random selection of as many labels.
    """
    checked = load_all(experiments, overrides)

    check_metric(metric, checked)

    from darl.cli.progress import cli_progress
    from darl.cli.study_tables import print_gains
    from darl.pipeline.selection_study import parse_strategies, study_selection

    labelled = parse_strategies(unlike(labelled_as(one, parse_component) for one in strategies))
    with cli_progress() as progress:
        found = study_selection(
            checked,
            out,
            strategies=labelled,
            budgets=budgets,
            ceiling=ceiling,
            resume=resume,
            progress=progress,
        )
    print_gains(found, metric, out)


@command.command(epilog=DASA_EXAMPLE)
@study_options
@selection_options
@click.option(
    "--share",
    "shares",
    multiple=True,
    default=(0.05, 0.2, 0.5),
    show_default=True,
    type=click.FloatRange(0, 1, max_open=True),
    help="Share of OOD pairs in the pool; repeat.",
)
@click.option(
    "--most",
    default=2000,
    show_default=True,
    type=click.IntRange(min=10),
    help="Detection: pairs of a slice, and training pairs.",
)
def dasa(
    experiments: tuple[Path, ...],
    out: Path,
    strategies: tuple[str, ...],
    budgets: tuple[int, ...],
    ceiling: bool,
    metric: str,
    shares: tuple[float, ...],
    most: int,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Both: what sees the shift, and what makes the most of it, for pools with more and less of it.

    Runs `detection` on the EXPERIMENTS, then `selection` on each with each share of OOD pairs in its pool
    (the pool must be a slice of a corpus in the file), and writes OUT/dasa.md with plots.
    """
    checked = load_all(experiments, overrides)
    check_metric(metric, checked)

    from darl.cli.progress import cli_progress
    from darl.cli.study_tables import print_findings, print_gains
    from darl.pipeline.dasa_study import study_dasa
    from darl.pipeline.selection_study import parse_strategies

    labelled = parse_strategies(unlike(labelled_as(one, parse_component) for one in strategies))
    with cli_progress() as progress:
        found = study_dasa(
            checked,
            out,
            shares=shares,
            strategies=labelled,
            budgets=budgets,
            ceiling=ceiling,
            detection={"most": most},
            resume=resume,
            progress=progress,
        )
    print_findings(found.findings, out / "detection")
    print_gains(found.gains, metric, out / "selection")
    click.echo(f"page: {out / 'dasa.md'}")


@command.command(epilog=OBJECTIVES_EXAMPLE)
@study_options
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    help="NAME, LABEL=NAME:KEY=VALUE,..., LABEL={name: ..., ...} or LABEL=[..., {name: ..., weight: ...}]; "
    "again for more. [all]",
)
@metric_option("qwk")
@page_option("objectives.md")
def objectives(
    experiments: tuple[Path, ...],
    out: Path,
    objectives: tuple[str, ...],
    metric: str,
    page: Path | None,
    overrides: tuple[str, ...],
    resume: bool,
) -> None:
    """Which objective makes the most of the same labels.

    Of each of the EXPERIMENTS (files as `darl run` takes them) the first stage of the baseline is trained
    with every objective and every seed, on the same pairs in the same batches, and compared with softmax on
    every test slice. A Markdown page with plots is written beside the rows.
    """
    checked = load_all(experiments, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.study_tables import print_outcomes
    from darl.pipeline.objective_study import ALL, parse_objectives, study_objectives

    check_metric(metric, checked)
    labelled = parse_objectives(unlike(labelled_as(one, parse_objective) for one in objectives))
    page = page or out / "objectives.md"
    with cli_progress() as progress:
        found = study_objectives(
            checked,
            out,
            objectives=labelled or ALL,
            page=page,
            command=shlex.join(["darl", *sys.argv[1:]]),
            resume=resume,
            progress=progress,
        )
    print_outcomes(found, metric, page)


command.add_command(darl)
