"""Arguments that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from darl.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, allow_dash=True)
FORMATS = "JSONL(.gz), CSV(.gz) or Parquet by suffix; - is standard input/output as JSONL."


def bad_rows_option(function: Command) -> Command:
    """--skip-bad-rows FILE."""
    return click.option(
        "--skip-bad-rows",
        "bad_rows",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Set rows that are wrong aside in FILE (JSONL), each with the reason, instead of stopping.",
    )(function)


def bad_rows_folder_option(function: Command) -> Command:
    """--skip-bad-rows FOLDER."""
    return click.option(
        "--skip-bad-rows",
        "bad_rows",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Set rows that are wrong aside in FOLDER, a JSONL file a split, instead of stopping.",
    )(function)


def ratings_option(function: Command) -> Command:
    """--ratings."""
    return click.option(
        "--ratings",
        "rated",
        is_flag=True,
        help="Several people rated a pair: in a column `ratings`, or in several rows.",
    )(function)


def backbone_option(function: Command) -> Command:
    """--backbone NAME."""
    return click.option(
        "--backbone", metavar="NAME", help="Where the backbone is now, if not where the model says."
    )(function)


def seed_option(function: Command) -> Command:
    """--seed N."""
    return click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))(function)


def slices_option(meaning: str, metavar: str = "SLICE=FILE") -> Callable[[Command], Command]:
    """--data SLICE=FILE, once or more; `parse_slices` reads it.

    Args:
        meaning: What the pairs are for.
        metavar: What the name before the file is.
    """
    return click.option("--data", "slices", required=True, multiple=True, metavar=metavar, help=meaning)


def resamples_option(function: Command) -> Command:
    """--resamples N, of intervals."""
    return click.option("--resamples", default=1000, show_default=True, type=click.IntRange(min=100))(
        function
    )


def parse_slices(texts: Iterable[str]) -> dict[str, Path]:
    """Files by the name of the slice, as they are typed: SLICE=FILE each.

    Raises:
        click.BadParameter: One is not of that form, or a name stands twice.
    """
    files: dict[str, Path] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or not name or name in files:
            raise click.BadParameter(f"expected a new SLICE=FILE, received {text!r}", param_hint="--data")
        files[name] = Path(file)
    return files


def parse_component(text: str) -> dict[str, Any]:
    """A member and its arguments as they are typed: knn, knn:k=5,metric=cosine, or as in a config file.

    >>> parse_component("knn:k=5")
    {'name': 'knn', 'k': 5}
    >>> parse_component("{name: per_query_cap, strategy: random}")
    {'name': 'per_query_cap', 'strategy': 'random'}

    Raises:
        ConfigError: It is neither.
    """
    import yaml

    if text.lstrip().startswith("{"):
        return _parse_mapping(text)
    name, _, rest = text.partition(":")
    component: dict[str, Any] = {"name": name}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(
                "component", [f"expected NAME:KEY=VALUE,... or {{name: NAME, ...}}, received {text!r}"]
            )
        try:
            component[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            fault = f"{key}: {value!r} is not YAML (lists: {{name: NAME, KEY: VALUE, ...}})"
            raise ConfigError("component", [fault]) from error
    return component


def parse_objective(text: str) -> dict[str, Any] | list[Any]:
    """An objective as it is typed: a component, or the list of several, each with its weight.

    >>> parse_objective("[soft_grades, {name: in_query_contrast, weight: 0.2}]")
    ['soft_grades', {'name': 'in_query_contrast', 'weight': 0.2}]

    Raises:
        ConfigError: It is neither.
    """
    if text.lstrip().startswith("["):
        return list(_parse_yaml(text))
    return parse_component(text)


def _parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever is typed
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "unreadable"
        raise ConfigError("component", [f"{text!r} is not YAML: {problem}"]) from error


def _parse_mapping(text: str) -> dict[str, Any]:
    value = _parse_yaml(text)
    if not isinstance(value.get("name"), str):
        # A name that is a key without a value, "{name:random}", is the likeliest slip.
        fault = f"expected {{name: NAME, KEY: VALUE, ...}}, a space after each colon, received {text!r}"
        raise ConfigError("component", [fault])
    return dict(value)


def grades_from(text: str | None) -> tuple[str, ...]:
    """Grade names as they are typed, least relevant first."""
    from darl.grades import GradeScale

    return tuple(name.strip() for name in text.split(",")) if text else GradeScale().names
