"""darl export."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import FILE, backbone_option, bad_rows_option
from darl.cli.options import FORMATS as FILE_FORMATS
from darl.models.config import FORMATS, ExportFormat

EXAMPLE = """\b
Examples:
  darl export runs/first/model --format int8 --data shop/valid.jsonl --out runs/first/int8
  darl predict runs/first/int8 pairs.csv --out graded.csv
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(FORMATS),
    help="float32 and bfloat16: the adapter folded into the weights. int8: for processors.",
)
@click.option("--data", required=True, type=FILE, help=f"Pairs to compare on, best graded. {FILE_FORMATS}")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the exported model.")
@click.option(
    "--min-spearman", default=0.99, show_default=True, help="Least rank correlation with the original."
)
@click.option(
    "--max-f1-change", default=0.005, show_default=True, help="Largest change of macro-F1, if DATA is graded."
)
@click.option(
    "--max-auc-change", default=0.005, show_default=True, help="Largest change of AUC, if DATA is graded."
)
@backbone_option
@bad_rows_option
def command(
    model: Path,
    form: ExportFormat,
    data: Path,
    out: Path,
    min_spearman: float,
    max_f1_change: float,
    max_auc_change: float,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Write the MODEL in another format, if it then still says the same.

    The exported folder holds all its weights and goes wherever a model folder goes, except into training.
    Both models grade DATA; the agreement is printed and kept in the folder, and an exported model that is
    further from the original than the tolerances allow is refused.
    """
    from darl.cli.progress import cli_progress
    from darl.data.readers import read_pool
    from darl.grades import GradeScale
    from darl.models.checkpoint import read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.export import Tolerance, export

    card = read_card(model)
    fields = template_fields(card.model.prompt)
    with cli_progress() as progress:
        pairs, grades = read_pool(
            data, GradeScale(card.grades), item_fields=fields, bad_rows=bad_rows, progress=progress
        )
        parity = export(
            model,
            out,
            pairs,
            grades,
            form=form,
            tolerance=Tolerance(min_spearman, max_f1_change, max_auc_change),
            backbone=backbone,
            progress=progress,
        )
    for name, value in parity.items():
        click.echo(f"{name:<20}{value:.4f}")
    click.echo(f"model: {out}")
