"""darl data audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from darl.cli.options import (
    FILE,
    FORMATS,
    backbone_option,
    bad_rows_folder_option,
    grades_from,
    ratings_option,
)

if TYPE_CHECKING:
    from darl.evaluation.audit import Audit
    from darl.pipeline.audit import Witness

EXAMPLE = """\b
Examples:
  darl data audit shop/train.jsonl --against test=shop/in_dist.jsonl
  darl data audit shop/train.jsonl --errors --out audit.html --json audit.json
  darl data audit shop/train.jsonl --errors --trial 0.05
  darl data audit train.csv valid.csv --fail-on conflicts,leaks
  darl data audit shop/valid.jsonl --model runs/first/model --rows to_check.csv
"""
KINDS = ("conflicts", "leaks", "near", "repeats")
FOUND = 4
"""Exit status where something was found that --fail-on names."""

PAGE = click.Path(path_type=Path, dir_okay=False)


@click.command("audit", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--against",
    multiple=True,
    metavar="NAME=FILE",
    help="Another split, graded or not, to look for leaks in; repeatable. Train and pool may share queries.",
)
@click.option(
    "--errors",
    is_flag=True,
    help="Look for wrong grades: each query's pairs are judged by what a frozen encoder sees in all others.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Look for wrong grades with this model folder, which should not have been trained on the FILES.",
)
@click.option(
    "--predictions",
    type=FILE,
    metavar="FILE",
    help="Look for wrong grades with these predictions (prob_NAME columns), which should be out of sample.",
)
@click.option(
    "--encoder", default="minilm-l6", show_default=True, help="--errors: a built-in name, folder or hub id."
)
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(min=2), help="--errors: of the queries."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the folds and the trial."
)
@click.option(
    "--rank",
    default="chance",
    show_default=True,
    type=click.Choice(["chance", "distance"]),
    help="Wrong grades by the chance that they are, or by how far they are probably off.",
)
@click.option(
    "--trial",
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    metavar="SHARE",
    help="Also make this share of the grades wrong, in memory, and tell how many of them are found.",
)
@click.option("--fields", default="", metavar="NAME,...", help="Further item fields that make items differ.")
@click.option(
    "--grades", help="Grade names, least relevant first, with commas. Default: irrelevant,weak,strong"
)
@click.option("--out", type=PAGE, help="Write an HTML page.")
@click.option("--json", "json_file", type=PAGE, help="Write everything as JSON.")
@click.option("--rows", "rows_file", type=FILE, help=f"Write the rows that findings name. {FORMATS}")
@click.option(
    "--fail-on",
    default="",
    metavar="KIND,...",
    help=f"Exit with status {FOUND} where any is found: {', '.join(KINDS)}.",
)
@ratings_option
@backbone_option
@bad_rows_folder_option
@click.pass_context
def command(
    context: click.Context,
    files: tuple[Path, ...],
    against: tuple[str, ...],
    errors: bool,
    model: Path | None,
    predictions: Path | None,
    encoder: str,
    folds: int,
    seed: int,
    rank: Literal["chance", "distance"],
    trial: float | None,
    fields: str,
    grades: str | None,
    out: Path | None,
    json_file: Path | None,
    rows_file: Path | None,
    fail_on: str,
    rated: bool,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Look through graded FILES: balance, repeats, conflicts, leaks and grades that are probably wrong.

    Nothing is changed. Conflicting grades, which other commands refuse, are listed here.
    """
    from darl.cli.progress import cli_progress
    from darl.cli.tables import print_audit
    from darl.data.files import suffix_of
    from darl.grades import GradeScale
    from darl.pipeline.audit import audit, file_names

    if rows_file is not None:
        suffix_of(rows_file)  # refused now, not when all is done
    failing, named = _kinds(fail_on), file_names(files)
    others, own_fields = _others(against, named), tuple(filter(None, fields.split(",")))
    cross_fit = {"encoder": encoder, "folds": folds, "seed": seed} if errors else None
    witness = _witness(cross_fit, model, backbone, predictions, own_fields)
    if trial is not None and witness is None:
        raise click.UsageError("--trial tries --errors, --model or --predictions: expected one of them")
    names = witness.grades if witness is not None and grades is None else ()
    if witness is not None:
        own_fields = tuple(dict.fromkeys((*own_fields, *witness.fields)))
    with cli_progress() as progress:
        found = audit(
            named,
            others,
            GradeScale(names or grades_from(grades)),
            fields=own_fields,
            ratings=rated,
            witness=witness,
            rank=rank,
            trial=trial,
            seed=seed,
            bad_rows=bad_rows,
            progress=progress,
        )
    _write(found, out, json_file, rows_file)
    print_audit(found, [file for file in (out, json_file, rows_file) if file is not None])
    if any(found.counts[kind] for kind in failing):
        context.exit(FOUND)


def _witness(
    cross_fit: dict[str, Any] | None,
    model: Path | None,
    backbone: str | None,
    predictions: Path | None,
    fields: tuple[str, ...],
) -> Witness | None:
    """Who is asked for wrong grades: one at most."""
    asked = {"--errors": cross_fit, "--model": model, "--predictions": predictions}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"expected one of {', '.join(asked)}, received {' and '.join(given)}")
    if not given:
        return None
    from darl.pipeline.witness import CrossFit, Model, PredictionFile

    if model is not None:
        return Model(model, backbone)
    if predictions is not None:
        return PredictionFile(predictions, fields)
    return CrossFit(**cross_fit or {}, fields=fields)


def _write(found: Audit, out: Path | None, json_file: Path | None, rows_file: Path | None) -> None:
    from darl.data.files import write_rows
    from darl.evaluation.audit_write import finding_rows, write_json
    from darl.files import write_text

    if json_file is not None:
        write_json(found, json_file)
    if rows_file is not None:
        write_rows(rows_file, finding_rows(found))
    if out is not None:
        from darl.evaluation.audit_page import html

        write_text(out, html(found))


def _kinds(fail_on: str) -> list[str]:
    kinds = [kind.strip() for kind in fail_on.split(",") if kind.strip()]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise click.BadParameter(
            f"expected some of {', '.join(KINDS)}, received {', '.join(unknown)}", param_hint="--fail-on"
        )
    return kinds


def _others(against: tuple[str, ...], named: dict[str, Path]) -> dict[str, Path]:
    others: dict[str, Path] = {}
    for text in against:
        name, equals, file = text.partition("=")
        if not equals or not name or name in others or name in named:
            raise click.BadParameter(f"expected a new NAME=FILE, received {text!r}", param_hint="--against")
        others[name] = Path(file)
    return others
