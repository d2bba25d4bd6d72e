"""darl compare."""

from __future__ import annotations

import json
from pathlib import Path

import click

from darl.cli.options import (
    backbone_option,
    bad_rows_folder_option,
    parse_slices,
    resamples_option,
    slices_option,
)

EXAMPLE = """\b
Example:
  darl compare runs/second/model runs/first/model --data in_dist=shop/in_dist.jsonl \\
      --data far_ood=shop/far_ood.jsonl --out runs/compared
"""


@click.command(epilog=EXAMPLE)
@click.argument("candidate", type=click.Path(path_type=Path))
@click.argument("current", type=click.Path(path_type=Path))
@slices_option("Graded pairs of a slice; repeatable. Its domains are compared by themselves too.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for comparison.json and comparison.html.",
)
@click.option("--shown", default=10, show_default=True, type=click.IntRange(min=0), help="Changed pairs.")
@resamples_option
@backbone_option
@bad_rows_folder_option
def command(
    candidate: Path,
    current: Path,
    slices: tuple[str, ...],
    out: Path | None,
    shown: int,
    resamples: int,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """What changes if CANDIDATE takes the place of CURRENT: differences with intervals, and changed pairs."""
    from darl.cli.comparison import print_comparison
    from darl.cli.progress import cli_progress
    from darl.evaluation.comparison import comparison_dict
    from darl.evaluation.comparison_page import comparison_html
    from darl.files import write_text
    from darl.pipeline.compare import compare

    files = parse_slices(slices)
    with cli_progress() as progress:
        found = compare(
            candidate,
            current,
            files,
            resamples=resamples,
            backbone=backbone,
            bad_rows=bad_rows,
            progress=progress,
        )
    if out is not None:
        write_text(out / "comparison.html", comparison_html(found))
        text = json.dumps(comparison_dict(found), indent=1, ensure_ascii=False, allow_nan=False)
        write_text(out / "comparison.json", text + "\n")
    print_comparison(found, shown, out)
