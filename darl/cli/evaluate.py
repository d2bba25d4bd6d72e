"""darl evaluate."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import (
    backbone_option,
    bad_rows_folder_option,
    parse_slices,
    ratings_option,
    resamples_option,
    slices_option,
)

EXAMPLE = """\b
Examples:
  darl evaluate runs/first/model --data in_dist=shop/in_dist.jsonl --data far_ood=shop/far_ood.jsonl
  darl evaluate runs/second/model --against runs/first/model --data test=test.csv --out runs/compared
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@slices_option("Graded pairs of a slice; repeatable. The first (or in_dist) is what gaps are measured from.")
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="MODEL", help="A model to be compared with."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.json and report.html."
)
@resamples_option
@backbone_option
@ratings_option
@bad_rows_folder_option
def command(
    model: Path,
    slices: tuple[str, ...],
    against: Path | None,
    out: Path | None,
    resamples: int,
    backbone: str | None,
    rated: bool,
    bad_rows: Path | None,
) -> None:
    """Report on a MODEL folder, slice by slice, with intervals by resampling queries."""
    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_report
    from darl.evaluation.write import write_report
    from darl.pipeline.evaluate import evaluate

    files = parse_slices(slices)
    with cli_progress() as progress:
        report = evaluate(
            {"model": model} | ({"against": against} if against else {}),
            files,
            baseline="against" if against else "model",
            backbone=backbone,
            resamples=resamples,
            ratings=rated,
            bad_rows=bad_rows,
            progress=progress,
        )
    if out is not None:
        write_report(report, out)
    print_report(report, out)
