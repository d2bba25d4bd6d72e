"""What the studies of the command line share: options, and what is typed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from darl.cli.options import Command
from darl.errors import ConfigError

if TYPE_CHECKING:  # not until a study is asked for: it loads torch
    from darl.pipeline.experiment import Experiment

T = TypeVar("T")


def study_options(function: Command) -> Command:
    """What all studies take."""
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


def metric_option(default: str) -> Callable[[Command], Command]:
    """--metric NAME."""
    return click.option("--metric", default=default, show_default=True, help="What the printed table shows.")


def page_option(name: str) -> Callable[[Command], Command]:
    """--page FILE."""
    return click.option(
        "--page",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"Where the page goes. [OUT/{name}]",
    )


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
        metric_option("macro_f1"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def check_metric(metric: str, experiments: Mapping[str, Experiment]) -> None:
    """Refuse a metric that an experiment does not have.

    Raises:
        ConfigError: With those that it has.
    """
    from darl.evaluation.metrics import metrics_for

    for experiment in experiments.values():
        if metric not in (known := metrics_for(experiment.grades)):
            raise ConfigError("--metric", [f"expected one of {', '.join(known)}, received {metric!r}"])


def load_all(paths: Sequence[Path], overrides: Sequence[str]) -> dict[str, Experiment]:
    """The experiments of files, by name of the file.

    Raises:
        ConfigError: A file is not an experiment's, or two have the same name.
    """
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


def labelled_as(text: str, parse: Callable[[str], T]) -> dict[str, T]:
    """What is tried, by its label, which is its name unless one is given.

    >>> from darl.cli.options import parse_component
    >>> labelled_as("half=ood_band:explore=0.5", parse_component)
    {'half': {'name': 'ood_band', 'explore': 0.5}}

    Raises:
        ConfigError: It is not of that form, or a list without a label.
    """
    label, equals, rest = text.partition("=")
    if equals and label.replace("-", "").replace("_", "").isalnum():
        return {label: parse(rest)}
    component = parse(text)
    if not isinstance(component, dict):
        raise ConfigError("study", [f"expected a label before it, LABEL={text}, received none"])
    return {str(component["name"]): component}
