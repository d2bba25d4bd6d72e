"""darl train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from darl.cli.options import (
    FILE,
    FORMATS,
    bad_rows_option,
    grades_from,
    parse_component,
    parse_objective,
    ratings_option,
)
from darl.cli.training_options import kept_options, objective_option

EXAMPLE = """\b
Example:
  darl data write insurance --out shop
  darl train --train shop/train.jsonl --valid shop/valid.jsonl --backbone minilm-l6 --out runs/first
  darl predict runs/first/model shop/in_dist.jsonl --out graded.csv
  darl train --train shop/train.jsonl --catalogue shop/pool.jsonl --out runs/warmed
  darl train --train shop/train.jsonl --out runs/second --set items_per_query=4 \\
      --objective '[soft_grades, {name: in_query_contrast, weight: 0.2}]'
"""


@click.command(epilog=EXAMPLE)
@click.option("--train", "train_file", required=True, type=FILE, help=f"Graded pairs. {FORMATS}")
@click.option(
    "--valid", "valid_file", type=FILE, help="Held-out graded pairs; default: a tenth of the queries."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the model and its log."
)
@click.option("--backbone", default="minilm-l6", show_default=True, help="Built-in name, folder or hub id.")
@objective_option("darl")
@click.option(
    "--grades", help="Grade names, least relevant first, with commas. Default: irrelevant,weak,strong"
)
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="Items, no labels: the model first learns pairs that are made of them (darl data warm shows them).",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A training setting (epochs=3, lr=4e-4, batch_size=16, ...) or, with model. before it, one of "
    "the model's (model.max_length=256, model.adapter.rank=32, ...); ood.size=4000: pairs that the detector "
    "is fitted on, at most; warm.queries=2000, warm.near=1, warm.far=1: what is made of a catalogue.",
)
@kept_options
@click.option("--resume", is_flag=True, help="Go on with an interrupted training in --out.")
@ratings_option
@bad_rows_option
def command(
    train_file: Path,
    valid_file: Path | None,
    out: Path,
    backbone: str,
    objective: str,
    grades: str | None,
    catalogue: Path | None,
    overrides: tuple[str, ...],
    calibration: str,
    seed: int,
    no_reference: bool,
    ood_detector: str,
    ood_features: str,
    no_ood: bool,
    resume: bool,
    rated: bool,
    bad_rows: Path | None,
) -> None:
    """Train one stage, straight from files of graded pairs."""
    from darl.cli.progress import cli_progress
    from darl.data.items import Item, read_catalogue
    from darl.data.readers import Rated, read_rated_pairs
    from darl.grades import GradeScale
    from darl.models.prompt import template_fields
    from darl.pipeline.calibrate import parse_calibration
    from darl.pipeline.settings import parse_settings
    from darl.pipeline.train import train

    scale = GradeScale(grades_from(grades))
    settings = parse_settings(
        {"backbone": backbone, "objective": parse_objective(objective)},
        overrides,
        None if no_ood else {"detector": parse_component(ood_detector), "features": ood_features},
        scale,
    )
    calibrating = parse_calibration({"method": parse_component(calibration)})
    if settings.warm and not catalogue:
        raise click.UsageError("--set warm... needs --catalogue FILE")
    fields = template_fields(settings.model.prompt)
    with cli_progress() as progress:
        reading: dict[str, Any] = {"item_fields": fields, "bad_rows": bad_rows, "progress": progress}
        reading_valid = reading | {"bad_rows": bad_rows and bad_rows.with_name(f"valid-{bad_rows.name}")}
        graded = read_rated_pairs(train_file, scale, ratings=rated, **reading)
        items: tuple[Item, ...] = ()
        if catalogue:
            aside = bad_rows and bad_rows.with_name(f"catalogue-{bad_rows.name}")
            items = read_catalogue(catalogue, **reading | {"bad_rows": aside})
        valid = Rated([], {})
        if valid_file:
            valid = read_rated_pairs(valid_file, scale, ratings=rated, **reading_valid)
        train(
            graded.graded,
            out,
            model=settings.model,
            training=settings.training,
            valid=valid.graded,
            ratings={**graded.ratings, **valid.ratings},
            grades=scale,
            reference_size=0 if no_reference else 2000,
            ood=settings.ood,
            calibration=calibrating,
            catalogue=items,
            warm=settings.warm,
            seed=seed,
            resume=resume,
            progress=progress,
        )
    click.echo(f"model: {out / 'model'}")
