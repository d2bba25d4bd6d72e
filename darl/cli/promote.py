"""darl promote."""

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

REFUSED = 4
EXAMPLE = """\b
Examples:
  darl promote runs/second/model --over runs/first/model --data in_dist=shop/in_dist.jsonl \\
      --data far_ood=shop/far_ood.jsonl --harm 0.01
  darl promote NEW --over live --data test=test.csv --link live
"""


@click.command(epilog=EXAMPLE)
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--over", "current", required=True, type=click.Path(path_type=Path), help="The current model's folder."
)
@slices_option("Graded pairs that neither was trained on; repeatable. Domains are asked by themselves too.")
@click.option("--metric", default="macro_f1", show_default=True, help="What must not fall.")
@click.option(
    "--harm",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How far a slice may fall significantly, in units of the metric.",
)
@click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0, 1, True, True))
@click.option(
    "--link", type=click.Path(path_type=Path), help="A link that is set to CANDIDATE where it is promoted."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The decision as JSON.")
@resamples_option
@backbone_option
@bad_rows_folder_option
def command(
    candidate: Path,
    current: Path,
    slices: tuple[str, ...],
    metric: str,
    harm: float,
    level: float,
    link: Path | None,
    out: Path | None,
    resamples: int,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Let CANDIDATE take a model's place if it harms no slice; otherwise say why, and exit with status 4."""
    from darl.cli.comparison import print_gate
    from darl.cli.progress import cli_progress
    from darl.evaluation.gate import GateRule
    from darl.files import write_link, write_text
    from darl.pipeline.compare import promote

    if link is not None and link.exists() and not link.is_symlink():
        raise click.BadParameter(f"{link} is no link, and is left alone", param_hint="--link")
    if link is not None and candidate.absolute() == link.absolute():
        raise click.BadParameter(
            f"{link} is the candidate: give the folder it is to mean", param_hint="--link"
        )
    with cli_progress() as progress:
        decision = promote(
            candidate,
            current,
            parse_slices(slices),
            GateRule(metric=metric, harm=harm, level=level),
            resamples=resamples,
            backbone=backbone,
            bad_rows=bad_rows,
            progress=progress,
        )
    if out is not None:
        write_text(out, json.dumps(decision.as_dict(), indent=1, allow_nan=False) + "\n")
    print_gate(decision)
    if not decision.promoted:
        raise click.exceptions.Exit(REFUSED)
    if link is not None:
        write_link(link, candidate)
