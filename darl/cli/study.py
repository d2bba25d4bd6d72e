"""darl study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from darl.cli.options import Command, parse_component
from darl.errors import ConfigError

if TYPE_CHECKING:  # not until a study is asked for: it loads torch
    from darl.pipeline.experiment import Experiment

T = TypeVar("T")

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
  darl study dasa experiments/insurance.yaml experiments/dbpedia.yaml --out runs/dasa \\
      --strategy ood_sampling --strategy margin --budget 100 --budget 200 --share 0.05 --share 0.2
"""


def study_options(function: Command) -> Command:
    """What both studies take."""
    options = (
        click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path)),
        click.option(
            "--out", required=True, type=click.Path(path_type=Path), help="Folder for all that is made."
        ),
        click.option(
            "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of every file."
        ),
        click.option(
            "--resume", is_flag=True, help="Go on with the study in --out; what is done is not done again."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


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
    checked = _load(experiments, overrides)

    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_findings
    from darl.pipeline.detection_study import parse_study, study_detection

    settings = parse_study([parse_component(one) for one in detectors], views)
    with cli_progress() as progress:
        found = study_detection(checked, out, **settings, most=most, resume=resume, progress=progress)
    print_findings(found, out)


def selection_options(function: Command) -> Command:
    """What is selected, and what is shown of it."""
    options = (
        click.option(
            "--strategy",
            "strategies",
            multiple=True,
            required=True,
            help="NAME, LABEL=NAME:KEY=VALUE,... or LABEL={name: ..., ...}; again for more.",
        ),
        click.option(
            "--budget",
            "budgets",
            multiple=True,
            required=True,
            type=click.IntRange(min=1),
            help="Labels; repeat.",
        ),
        click.option("--ceiling", is_flag=True, help="Also label the whole pool."),
        click.option("--metric", default="macro_f1", show_default=True, help="What the printed table shows."),
    )
    for option in reversed(options):
        function = option(function)
    return function


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
    checked = _load(experiments, overrides)

    _check_metric(metric, checked.values())

    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_gains
    from darl.pipeline.selection_study import parse_strategies, study_selection

    labelled = parse_strategies(unlike(map(_labelled, strategies)))
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
    checked = _load(experiments, overrides)
    _check_metric(metric, checked.values())

    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_findings, print_gains
    from darl.pipeline.dasa_study import study_dasa
    from darl.pipeline.selection_study import parse_strategies

    labelled = parse_strategies(unlike(map(_labelled, strategies)))
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


def _check_metric(metric: str, experiments: Iterable[Experiment]) -> None:
    from darl.evaluation.metrics import metrics_for

    for experiment in experiments:
        if metric not in (known := metrics_for(experiment.grades)):
            raise ConfigError("--metric", [f"expected one of {', '.join(known)}, received {metric!r}"])


def _load(paths: Sequence[Path], overrides: Sequence[str]) -> dict[str, Experiment]:
    from darl.pipeline.experiment import load_experiment

    return unlike({path.stem: load_experiment(path, overrides)} for path in paths)


def unlike(named: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """All in one.

    Raises:
        ConfigError: Two have the same name.
    """
    found: dict[str, T] = {}
    for one in named:
        if again := found.keys() & one.keys():
            raise ConfigError("study", [f"{name} is given twice: give different names" for name in again])
        found |= one
    return found


def _labelled(text: str) -> dict[str, dict[str, Any]]:
    """A strategy by its label, which is its name unless one is given.

    >>> _labelled("half=ood_band:explore=0.5")
    {'half': {'name': 'ood_band', 'explore': 0.5}}
    """
    label, equals, rest = text.partition("=")
    if equals and label.replace("-", "").replace("_", "").isalnum():
        return {label: parse_component(rest)}
    component = parse_component(text)
    return {str(component["name"]): component}
