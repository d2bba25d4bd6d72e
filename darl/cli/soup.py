"""darl soup."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import backbone_option

EXAMPLE = """\b
Example:
  darl soup runs/shop/recipes/darl/seed-*/model --out runs/soup
"""


@click.command(epilog=EXAMPLE)
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model.")
@backbone_option
def command(models: tuple[Path, ...], out: Path, backbone: str | None) -> None:
    """Save the mean of several MODELS, in weight space: say, of one training with several seeds.

    It has neither detector nor calibration: darl detector and darl calibrate make them.
    """
    from darl.cli.progress import cli_progress
    from darl.pipeline.blend import soup

    with cli_progress() as progress:
        mean = soup(models, out, backbone=backbone, progress=progress)
    click.echo(f"model: {out / 'model'} (the mean of {len(models)}, rank {mean.config.adapter.rank})")
