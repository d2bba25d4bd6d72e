"""darl predict."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import FILE, FORMATS, backbone_option, bad_rows_option

EXAMPLE = """\b
Examples:
  darl predict runs/first/model pairs.csv --out graded.parquet
  zcat traffic.jsonl.gz | darl predict runs/first/model - --out - | head
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("pairs", type=FILE)
@click.option("--out", required=True, type=FILE, help=f"Where the grades go. {FORMATS}")
@backbone_option
@bad_rows_option
def command(model: Path, pairs: Path, out: Path, backbone: str | None, bad_rows: Path | None) -> None:
    """Grade PAIRS with the MODEL folder.

    The output has the pair, its score (expected grade: 0 is the least relevant), its most probable grade and
    the probability of every grade (prob_NAME), a row each, in the order of the input.
    """
    from darl.cli.progress import cli_progress
    from darl.data.files import suffix_of, write_rows
    from darl.data.readers import read_pairs
    from darl.models.checkpoint import load_model, read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.rows import prediction_rows

    suffix_of(out)  # refused now, not when all is predicted
    fields = template_fields(read_card(model).model.prompt)
    with cli_progress() as progress:
        read = read_pairs(pairs, item_fields=fields, bad_rows=bad_rows, progress=progress)
        loaded = load_model(model, backbone=backbone, progress=progress)
        predictions = loaded.predict(read, progress=progress)
    write_rows(out, prediction_rows(read, predictions, loaded.grade_scale))
