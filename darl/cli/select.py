"""darl select."""

from __future__ import annotations

from pathlib import Path

import click

from darl.cli.options import FILE, FORMATS, backbone_option, bad_rows_option, parse_component

EXAMPLE = """\b
Examples:
  darl select runs/first/model traffic.jsonl --n 200 --out to_grade.csv --page coverage.html
  darl select runs/first/model traffic.jsonl --n 200 --detector mahalanobis --features tuned \\
      --strategy ood_band:lower=0.95,per_query=2 --out to_grade.csv
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
    default="frozen",
    show_default=True,
    metavar="VIEW",
    help="What the detector reads: features before (frozen) or after fine-tuning (tuned); frozen.query and "
    "frozen.item of that text alone; frozen@4 after the fourth layer; likelihood.query or likelihood.item "
    "for the detector likelihood_ratio.",
)
@click.option(
    "--strategy", default="ood_band", show_default=True, help="NAME, NAME:KEY=VALUE,... or {name: ..., ...}"
)
@click.option(
    "--train", "train_file", type=FILE, help="Graded training pairs, for a model without a reference."
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write an HTML page: a map of training pairs, pool and selection, and the pool by cluster.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@backbone_option
@bad_rows_option
def command(
    model: Path,
    pool: Path,
    budget: int,
    out: Path,
    detector: str,
    features: str,
    strategy: str,
    train_file: Path | None,
    page: Path | None,
    seed: int,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Choose from POOL the pairs that the MODEL's training did not cover and that are worth a label.

    The output has the chosen pairs, most wanted first, each with its ood_score and its percentile among
    in-distribution pairs, what the model thinks of it, its cluster, and the training pair it is most like.
    """
    from darl.cli.progress import cli_progress
    from darl.data.files import suffix_of, write_rows
    from darl.data.readers import read_graded_pairs, read_pairs
    from darl.files import write_text
    from darl.models.checkpoint import load_model, read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.select import choose, make_reference, parse_round, read_reference

    suffix_of(out)  # refused now, not when all is predicted
    round_ = parse_round(
        {
            "budget": budget,
            "detector": parse_component(detector),
            "features": features,
            "strategy": parse_component(strategy),
        }
    )
    fields = template_fields(read_card(model).model.prompt)
    with cli_progress() as progress:
        pairs = read_pairs(pool, item_fields=fields, bad_rows=bad_rows, progress=progress)
        loaded = load_model(model, backbone=backbone, progress=progress)
        if train_file is not None:
            graded = read_graded_pairs(train_file, loaded.grade_scale, item_fields=fields)
            reference = make_reference(loaded, graded, round_, seed=seed, progress=progress)
        else:
            reference = read_reference(model)
        chosen = choose(loaded, reference, pairs, round_, seed=seed, progress=progress)
    write_rows(out, list(chosen.rows()))
    if page is not None:
        write_text(page, chosen.page())
