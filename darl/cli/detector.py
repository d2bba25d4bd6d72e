"""darl detector."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import FILE, FORMATS, backbone_option, parse_component, seed_option
from darl.cli.training_options import READS, no_reference_option

EXAMPLE = """\b
Examples:
  darl detector runs/between/model --train shop/train.jsonl --valid shop/valid.jsonl
  darl detector runs/first/model --train shop/train.jsonl --valid shop/valid.jsonl \\
      --detector mahalanobis --features frozen.item
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--train",
    "train_file",
    required=True,
    type=FILE,
    help=f"Graded pairs that the model was trained on. {FORMATS}",
)
@click.option(
    "--valid",
    "valid_file",
    required=True,
    type=FILE,
    help="Graded pairs of the same kind that it was not trained on: they say what is usual.",
)
@click.option(
    "--detector", default="knn", show_default=True, help="NAME, NAME:KEY=VALUE,... or {name: ..., ...}"
)
@click.option(
    "--features",
    default="tuned",
    show_default=True,
    metavar="VIEW",
    help=READS,
)
@click.option("--size", default=4000, show_default=True, help="Training pairs that it is fitted on, at most.")
@no_reference_option
@seed_option
@backbone_option
def command(
    model: Path,
    train_file: Path,
    valid_file: Path,
    detector: str,
    features: str,
    size: int,
    no_reference: bool,
    seed: int,
    backbone: str | None,
) -> None:
    """Fit a detector for a MODEL folder and keep it there, in the place of the one that it has.

    For models that darl interpolate and darl soup made, which have none, and for another detector without
    training again. darl predict, calibrate and serve use it from then on; darl select fits its own.
    """
    from darl.cli.progress import cli_progress
    from darl.data.readers import read_graded_pairs
    from darl.grades import GradeScale
    from darl.models.checkpoint import read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.fit_detector import fit_detector
    from darl.pipeline.ood_config import OODConfig
    from darl.pipeline.overrides import checked

    ood = checked(
        OODConfig, {"detector": parse_component(detector), "features": features, "size": size}, "ood"
    )
    card = read_card(model)
    scale, fields = GradeScale(card.grades), template_fields(card.model.prompt)
    with cli_progress() as progress:
        graded, valid = (
            read_graded_pairs(file, scale, item_fields=fields) for file in (train_file, valid_file)
        )
        gauge = fit_detector(
            model,
            graded,
            valid,
            ood,
            reference_size=0 if no_reference else 2000,
            backbone=backbone,
            seed=seed,
            progress=progress,
        )
    click.echo(f"{model}: keeps {gauge.component} on {gauge.view}, held against {len(gauge.held_out)} pairs")
