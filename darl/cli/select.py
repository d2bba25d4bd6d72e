"""darl select."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from darl.cli.options import FILE, FORMATS, backbone_option, bad_rows_option, parse_component, seed_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from darl.models.base import RelevanceModel
    from darl.models.reference import Reference
    from darl.pipeline.select import Choice
    from darl.pipeline.stage import RoundConfig
    from darl.progress import Progress

EXAMPLE = """\b
Examples:
  darl select runs/first/model traffic.jsonl --n 200 --out to_grade.csv --page coverage.html
  darl select runs/first/model traffic.jsonl --n 200 --detector mahalanobis --features tuned \\
      --strategy ood_band:lower=0.95,per_query=2 --out to_grade.csv
  darl predict runs/first/model traffic/ --out graded/ --features
  darl select runs/first/model graded/ --n 200 --out to_grade.csv
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("pool", type=FILE)
@click.option("--n", "budget", required=True, type=click.IntRange(min=1), help="Pairs to choose.")
@click.option("--out", required=True, type=FILE, help=f"Where the chosen pairs go. {FORMATS}")
@click.option(
    "--detector", default="knn", show_default=True, help="NAME, NAME:KEY=VALUE,... or {name: ..., ...}"
)
@click.option(
    "--features",
    default=None,
    show_default="frozen; of a folder tuned, which is what it holds",
    metavar="VIEW",
    help="What the detector reads: features before (frozen) or after fine-tuning (tuned); frozen.query and "
    "frozen.item of that text alone; frozen@4 after the fourth layer; likelihood.query or likelihood.item "
    "for the detector likelihood_ratio.",
)
@click.option(
    "--strategy", default="dasa", show_default=True, help="NAME, NAME:KEY=VALUE,... or {name: ..., ...}"
)
@click.option(
    "--train", "train_file", type=FILE, help="Graded training pairs, for a model without a reference."
)
@click.option(
    "--valid",
    "valid_file",
    type=FILE,
    help="With --train: in-distribution pairs that the model was not trained on, which say what is usual.  "
    "[default: a fifth of the queries of --train]",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write an HTML page: a map of training pairs, pool and selection, and the pool by cluster.",
)
@click.option(
    "--among",
    type=click.IntRange(min=1),
    metavar="N",
    help="Folder: choose among so many pairs, drawn at random, if the strategy reads features.  [default: "
    "1,000,000, or as many as take 2 GiB if these are fewer]",
)
@seed_option
@backbone_option
@bad_rows_option
def command(
    model: Path,
    pool: Path,
    budget: int,
    out: Path,
    detector: str,
    features: str | None,
    strategy: str,
    train_file: Path | None,
    valid_file: Path | None,
    page: Path | None,
    among: int | None,
    seed: int,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Choose from POOL the pairs that the MODEL's training did not cover and that are worth a label.

    POOL is a file of pairs or, for more of them than memory holds, a folder that `darl predict --features`
    made with the same MODEL, which then does not run again.

    The output has the chosen pairs, most wanted first, each with its ood_score and its percentile among
    in-distribution pairs, what the model thinks of it, its cluster, and the training pair it is most like.
    """
    from darl.cli.progress import cli_progress
    from darl.data.files import PIPE, suffix_of, write_rows
    from darl.files import write_text
    from darl.pipeline.graded import is_graded
    from darl.pipeline.select import parse_round

    if valid_file is not None and train_file is None:
        raise click.UsageError("--valid goes with --train: the model's own reference has held-out pairs")
    suffix_of(out)  # refused now, not when all is predicted
    folder = pool.is_dir()
    if folder and not is_graded(pool):
        raise click.UsageError(
            f"{pool} is a folder that darl predict did not make: give a file of pairs, or first run darl "
            f"predict {model} {pool} --out graded/ --features"
        )
    if folder and bad_rows is not None:
        raise click.UsageError("--skip-bad-rows is for a file: a graded folder has no bad rows")
    if not folder and among is not None:
        raise click.UsageError("--among is for a folder that darl predict --features made")
    round_ = parse_round(
        {
            "budget": budget,
            "detector": parse_component(detector),
            "features": features or ("tuned" if folder else "frozen"),
            "strategy": parse_component(strategy),
        }
    )
    files = train_file, valid_file
    with cli_progress() as progress:
        if folder:
            chosen = _from_folder(model, pool, round_, files, among, seed, backbone, progress)
        else:
            chosen = _from_file(model, pool, round_, files, bad_rows, seed, backbone, progress)
    write_rows(out, list(chosen.rows()))
    if page is not None:
        write_text(page, chosen.page())
    if out != PIPE:
        click.echo("\n".join(chosen.summary()))


def _from_file(
    model: Path,
    pool: Path,
    round_: RoundConfig,
    files: tuple[Path | None, Path | None],
    bad_rows: Path | None,
    seed: int,
    backbone: str | None,
    progress: Progress,
) -> Choice:
    from darl.data.readers import read_pairs
    from darl.models.checkpoint import load_model, read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.select import choose

    fields = template_fields(read_card(model).model.prompt)
    pairs = read_pairs(pool, item_fields=fields, bad_rows=bad_rows, progress=progress)
    loaded = load_model(model, backbone=backbone, progress=progress)
    reference = _reference(model, lambda: loaded, files, fields, round_, seed, progress)
    return choose(loaded, reference, pairs, round_, seed=seed, progress=progress)


def _from_folder(
    model: Path,
    pool: Path,
    round_: RoundConfig,
    files: tuple[Path | None, Path | None],
    among: int | None,
    seed: int,
    backbone: str | None,
    progress: Progress,
) -> Choice:
    from darl.models.checkpoint import load_model
    from darl.pipeline.graded import open_graded
    from darl.pipeline.select_graded import check_view, choose_graded

    check_view(pool, round_)
    graded_pool = open_graded(pool, model)
    reference = _reference(
        model,
        lambda: load_model(model, backbone=backbone, progress=progress),
        files,
        graded_pool.form.fields,
        round_,
        seed,
        progress,
    )
    return choose_graded(graded_pool, reference, round_, among=among, seed=seed, progress=progress)


def _reference(
    model: Path,
    load: Callable[[], RelevanceModel],
    files: tuple[Path | None, Path | None],
    fields: Sequence[str],
    round_: RoundConfig,
    seed: int,
    progress: Progress,
) -> Reference:
    """What is made of the files of training and held-out pairs; without such, what is kept with the model."""
    from darl.data.readers import read_graded_pairs
    from darl.pipeline.select import make_reference, read_reference

    train, valid = files
    if train is None:
        return read_reference(model)
    loaded = load()
    graded, held_out = (
        read_graded_pairs(one, loaded.grade_scale, item_fields=fields) if one is not None else []
        for one in (train, valid)
    )
    return make_reference(loaded, graded, round_, held_out=held_out, seed=seed, progress=progress)
