"""darl calibrate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from darl.cli.options import (
    FILE,
    FORMATS,
    backbone_option,
    bad_rows_option,
    parse_component,
    ratings_option,
    resamples_option,
)
from darl.errors import ConfigError

EXAMPLE = """\b
Examples:
  darl calibrate runs/first/model --data shop/valid.jsonl
  darl calibrate runs/first/model --data shop/valid.jsonl --method vector --per-domain
  darl calibrate runs/first/model --data shop/valid.jsonl --goal macro_f1 --coverage 0.9
  darl calibrate runs/first/model --data shop/valid.jsonl --goal macro_f1 --traffic labelled-traffic.jsonl
  darl calibrate runs/first/model --data shop/valid.jsonl --goal precision:strong=0.9 --risk 0.1
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--data",
    required=True,
    type=FILE,
    help=f"Graded pairs that the model was not trained on, at least 50 of 5 queries. {FORMATS}",
)
@click.option(
    "--method",
    default="temperature",
    show_default=True,
    help="temperature, vector (a scale and a bias for each grade), matrix (each grade hears every other), or "
    "none.",
)
@click.option(
    "--per-domain", is_flag=True, help="Of its own for each domain that has at least 100 of the pairs."
)
@click.option(
    "--goal",
    default="most_probable",
    show_default=True,
    metavar="GOAL",
    help="Which grade is given: most_probable; macro_f1; precision:GRADE=SHARE; cost=FILE (CSV, JSON or "
    "YAML: a row for each true grade, a column for each grade that is given).",
)
@click.option(
    "--traffic",
    type=FILE,
    help="Pairs as they come, some of them graded: those that look new are graded by cuts of their own. The "
    f"model must keep a detector. {FORMATS}",
)
@click.option("--coverage", type=float, metavar="SHARE", help="Abstain, and answer this share of the pairs.")
@click.option(
    "--risk", type=float, metavar="SHARE", help="Abstain, and keep errors among answered pairs within this."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the table as JSON.")
@resamples_option
@backbone_option
@ratings_option
@bad_rows_option
def command(
    model: Path,
    data: Path,
    method: str,
    per_domain: bool,
    goal: str,
    traffic: Path | None,
    coverage: float | None,
    risk: float | None,
    out: Path | None,
    resamples: int,
    backbone: str | None,
    rated: bool,
    bad_rows: Path | None,
) -> None:
    """Calibrate the MODEL folder on validation pairs, and tell what that brought.

    From then on darl predict gives calibrated probabilities and grades; scores, and so the order of results,
    never change. In the table each pair is told by a calibration that was fitted on other queries. What is
    kept is fitted on all of them. --method none alone takes the calibration out again.
    """
    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_calibration
    from darl.data.pool import Pool
    from darl.data.readers import read_pool, read_rated_pairs
    from darl.files import write_text
    from darl.grades import GradeScale
    from darl.models.checkpoint import read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.calibrate import calibrate, parse_calibration

    asked: dict[str, Any] = {"method": parse_component(method), "goal": parse_goal(goal)}
    asked |= {"per_domain": per_domain, "coverage": coverage, "risk": risk, "new_traffic": bool(traffic)}
    config = parse_calibration(asked)
    card = read_card(model)
    with cli_progress() as progress:
        graded, ratings = read_rated_pairs(
            data,
            GradeScale(card.grades),
            item_fields=template_fields(card.model.prompt),
            ratings=rated,
            bad_rows=bad_rows,
            progress=progress,
        )
        pool = None
        if traffic is not None:
            fields = template_fields(card.model.prompt)
            pool = Pool.of(
                *read_pool(traffic, GradeScale(card.grades), item_fields=fields, progress=progress)
            )
        calibration, rows = calibrate(
            model,
            graded,
            config,
            ratings=ratings,
            traffic=pool,
            backbone=backbone,
            resamples=resamples,
            progress=progress,
        )
    if out is not None:
        from darl.evaluation.write import calibration_dict

        write_text(out, json.dumps([calibration_dict(row) for row in rows], indent=1, allow_nan=False) + "\n")
    print_calibration(calibration, rows, model)


def parse_goal(text: str) -> dict[str, Any]:
    """A decision rule and its arguments as they are typed.

    >>> parse_goal("precision:strong=0.9")
    {'name': 'precision', 'grade': 'strong', 'at_least': 0.9}

    Raises:
        ConfigError: It is none, or its file cannot be read.
    """
    name, separator, rest = text.partition("=")
    if name == "cost" and separator:
        return {"name": "cost", "matrix": _matrix(Path(rest))}
    component = parse_component(text)
    if (
        component["name"] == "precision"
        and len(component) == 2
        and not {"grade", "at_least"} & set(component)
    ):
        (grade,) = set(component) - {"name"}
        return {"name": "precision", "grade": grade, "at_least": component[grade]}
    return component


def _matrix(path: Path) -> object:
    """The rows of a file of numbers."""
    import csv

    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            return [[float(cell) for cell in row] for row in csv.reader(text.splitlines()) if row]
        return yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError("goal", [f"cost: {path} cannot be read as rows of numbers: {error}"]) from error
