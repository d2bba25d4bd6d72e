"""darl data warm."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import FORMATS, bad_rows_option, grades_from, seed_option

EXAMPLE = """\b
Example:
  darl data warm catalogue.jsonl.gz --n 200 --out pairs.csv
  darl train --train graded.jsonl --catalogue catalogue.jsonl.gz --out runs/warmed
"""


@click.command(name="warm", epilog=EXAMPLE)
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help=f"The file to write. {FORMATS}")
@click.option("--n", "queries", default=2000, show_default=True, help="Pseudo-queries.")
@click.option("--near", default=1, show_default=True, help="Near misses of each.")
@click.option("--far", default=1, show_default=True, help="Items of each that do not fit.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME",
    help="A column that queries are made of, beside the title.  [default: those of brand, color and category "
    "that are there]",
)
@click.option(
    "--grades", help="Grade names, least relevant first, with commas. Default: irrelevant,weak,strong"
)
@seed_option
@bad_rows_option
def command(
    catalogue: Path,
    out: Path,
    queries: int,
    near: int,
    far: int,
    fields: tuple[str, ...],
    grades: str | None,
    seed: int,
    bad_rows: Path | None,
) -> None:
    """Write the pairs that a warm-up makes of a CATALOGUE of items (a file or a folder), to look at.

    They are those of darl train --catalogue with the same numbers, fields and seed. Nobody has graded them:
    they are made of the items' own texts.
    """
    from darl.cli.progress import cli_progress
    from darl.data.files import suffix_of
    from darl.data.items import read_catalogue
    from darl.data.warm import warm_pairs, warm_rng
    from darl.data.writers import write_graded_pairs
    from darl.grades import GradeScale
    from darl.pipeline.settings import parse_warm

    suffix_of(out)  # refused now, not when all is made
    shape, scale = (
        parse_warm({"queries": queries, "near": near, "far": far}).shape,
        GradeScale(grades_from(grades)),
    )
    with cli_progress() as progress:
        items = read_catalogue(catalogue, fields=fields or None, bad_rows=bad_rows, progress=progress)
        pairs = warm_pairs(items, scale, shape, warm_rng(seed), progress)
        click.echo(f"{write_graded_pairs(out, pairs, scale):,} pairs: {out}")
