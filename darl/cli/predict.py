"""darl predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from darl.cli.options import FILE, FORMATS, backbone_option, bad_rows_option

EXAMPLE = """\b
Examples:
  darl predict runs/first/model pairs.csv --out graded.parquet
  zcat traffic.jsonl.gz | darl predict runs/first/model - --out - | head
  darl predict runs/first/model traffic.parquet --out graded/
  darl predict runs/first/model traffic/ --out graded/ --shard-size 20000 --features --resume
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("pairs", type=FILE)
@click.option(
    "--out",
    required=True,
    metavar="FILE|FOLDER/",
    help=f"Where the grades go. A file: {FORMATS} A folder (ends in /, or has no suffix, or is there): "
    "Parquet files, written as they are made.",
)
@click.option(
    "--shard-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Folder: pairs of a file, and so of what is in memory at a time.  [default: 50,000]",
)
@click.option(
    "--no-calibration", is_flag=True, help="Leave probabilities and grades as the model itself says them."
)
@click.option("--features", is_flag=True, help="Folder: keep the model's features too (float16).")
@click.option("--no-ood", is_flag=True, help="Leave ood_score and ood_percentile out.")
@click.option("--resume", is_flag=True, help="Folder: go on; files that are there are not made again.")
@backbone_option
@bad_rows_option
def command(
    model: Path,
    pairs: Path,
    out: str,
    shard_size: int | None,
    no_calibration: bool,
    features: bool,
    no_ood: bool,
    resume: bool,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Grade PAIRS with the MODEL folder.

    The output has the pair, its score (expected grade: 0 is the least relevant), its most probable grade and
    the probability of every grade (prob_NAME), a row each, in the order of the input. Grades and
    probabilities are calibrated where the model is (darl calibrate); scores are always the model's own. Of a
    model that keeps a detector there is also the ood_score (larger is further from what it was trained on),
    and its percentile among in-distribution pairs; of one with an abstention rule, whether to rely on none
    of it (abstain).

    With a folder as output, PAIRS may be larger than memory, and a folder of files, which are read in the
    order of their names. All is read once and checked before the model is loaded.
    """
    reading: dict[str, Any] = {"backbone": backbone, "bad_rows": bad_rows}
    reading |= {"calibrated": not no_calibration, "ood": not no_ood}
    if _is_folder(out):
        sized = {} if shard_size is None else {"shard_size": shard_size}
        _to_folder(model, pairs, Path(out), features=features, resume=resume, **sized, **reading)
    elif shard_size is not None or features or resume:
        raise click.UsageError("--shard-size, --features and --resume need a folder: --out FOLDER/")
    elif pairs.is_dir():
        raise click.UsageError(f"{pairs} is a folder, and so must the output be: --out FOLDER/")
    else:
        _to_file(model, pairs, Path(out), **reading)


def _is_folder(out: str) -> bool:
    return out != "-" and (out.endswith("/") or Path(out).is_dir() or not Path(out).suffix)


def _to_file(
    model: Path,
    pairs: Path,
    out: Path,
    *,
    backbone: str | None,
    bad_rows: Path | None,
    calibrated: bool,
    ood: bool,
) -> None:
    from darl.cli.progress import cli_progress
    from darl.data.files import suffix_of, write_rows
    from darl.data.readers import read_pairs
    from darl.models.checkpoint import load_model, read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.rows import check_columns, prediction_rows
    from darl.pipeline.told import Teller

    suffix_of(out)  # refused now, not when all is predicted
    fields = template_fields(read_card(model).model.prompt)
    teller = Teller.of(model, calibrated=calibrated, ood=ood)
    check_columns(fields, teller.measures)
    with cli_progress() as progress:
        read = read_pairs(pairs, item_fields=fields, bad_rows=bad_rows, progress=progress)
        loaded = load_model(model, backbone=backbone, progress=progress)
        told = teller.tell(loaded, read, loaded.predict(read, progress=progress), progress=progress)
    write_rows(out, prediction_rows(read, told, loaded.grade_scale))


def _to_folder(model: Path, pairs: Path, out: Path, **options: Any) -> None:  # noqa: ANN401 # handed on
    from darl.cli.progress import cli_progress
    from darl.pipeline.predict import predict_to_folder

    with cli_progress() as progress:
        done = predict_to_folder(model, pairs, out, **options, progress=progress)
    rate = f" in {done.seconds:,.0f} s ({done.scored / done.seconds:,.1f} pairs/s)" if done.scored else ""
    click.echo(f"{out}: {done.pairs:,} pairs; {done.scored:,} of them scored now{rate}")
