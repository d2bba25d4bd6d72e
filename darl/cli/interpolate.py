"""darl interpolate."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import backbone_option, parse_slices, resamples_option, slices_option

EXAMPLE = """\b
Examples:
  darl interpolate runs/first/model runs/second/model --data valid=shop/valid.jsonl \\
      --data ood=shop/near_ood.jsonl --out runs/between
  darl interpolate runs/first/model runs/second/model --data valid=shop/valid.jsonl --alphas 0.5 \\
      --out runs/half
"""


@click.command(epilog=EXAMPLE)
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@slices_option(
    "Graded validation pairs, in distribution or out of it; repeatable, and each counts the same.",
    "NAME=FILE",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the model and its curve."
)
@click.option("--alphas", metavar="A,B,...", help="Points to judge, in [0, 1]. Default: 0,0.1,...,1")
@click.option("--metric", default="macro_f1", show_default=True, help="What they are judged by.")
@resamples_option
@backbone_option
def command(
    first: Path,
    second: Path,
    slices: tuple[str, ...],
    out: Path,
    alphas: str | None,
    metric: str,
    resamples: int,
    backbone: str | None,
) -> None:
    """Choose a model between FIRST (alpha 0) and SECOND (alpha 1), in weight space, on validation pairs.

    It has neither detector nor calibration: darl detector and darl calibrate make them.
    """
    from darl.cli.comparison import print_line
    from darl.cli.progress import cli_progress
    from darl.pipeline.blend import interpolate
    from darl.pipeline.ending_config import ALPHAS

    try:
        points = tuple(map(float, alphas.split(","))) if alphas else ALPHAS
    except ValueError as error:
        raise click.BadParameter(f"expected numbers, received {alphas!r}", param_hint="--alphas") from error
    files = parse_slices(slices)
    with cli_progress() as progress:
        curve = interpolate(
            first,
            second,
            out,
            files,
            alphas=points,
            metric=metric,
            resamples=resamples,
            backbone=backbone,
            progress=progress,
        )
    print_line(curve)
    click.echo(f"model: {out / 'model'}")
