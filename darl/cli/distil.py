"""darl distil."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darl.cli.options import FILE, FORMATS, backbone_option, bad_rows_option, parse_component, parse_objective
from darl.cli.training_options import kept_options, objective_option

if TYPE_CHECKING:
    from darl.pipeline.distil import Distilled

EXAMPLE = """\b
Examples:
  darl distil runs/llm/model --student minilm-l6 --pool shop/pool.jsonl --out runs/student
  darl distil runs/llm/model --pool traffic/ --train shop/train.jsonl --share 0.3 \\
      --valid shop/valid.jsonl --out runs/mixed --set epochs=5
"""


@click.command(epilog=EXAMPLE)
@click.argument("teacher", type=click.Path(path_type=Path))
@click.option(
    "--student", default="minilm-l6", show_default=True, help="Its backbone: built-in name, folder or hub id."
)
@click.option(
    "--pool",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help=f"Unlabelled pairs, which the teacher grades. {FORMATS}",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the student, its log and what the teacher said.",
)
@click.option("--train", "train_file", type=FILE, help="Graded pairs to learn beside it.")
@click.option(
    "--share",
    default=0.3,
    show_default=True,
    help="Of each epoch, drawn afresh from --train; at most all of it.",
)
@click.option(
    "--valid",
    "valid_file",
    type=FILE,
    help="Held-out graded pairs; default: a tenth of the pool's queries, as the teacher grades them.",
)
@click.option(
    "--beyond",
    type=click.Choice(["skip", "soften", "learn"]),
    default="skip",
    show_default=True,
    help="Pairs on which the teacher is out of its depth: left out; learnt half from it and half from what "
    "it says on average; or learnt as all others.",
)
@click.option(
    "--percentile",
    default=99.0,
    show_default=True,
    help="Those above this percentile of its in-distribution pairs; a teacher without a detector knows none.",
)
@objective_option("softmax")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting as of darl train, of the student: epochs=5, model.adapter.rank=32, ood.size=4000, ...",
)
@kept_options
@click.option("--resume", is_flag=True, help="Go on in --out; the teacher is not asked again.")
@backbone_option
@bad_rows_option
def command(
    teacher: Path,
    student: str,
    pool: Path,
    out: Path,
    train_file: Path | None,
    share: float,
    valid_file: Path | None,
    beyond: str,
    percentile: float,
    objective: str,
    overrides: tuple[str, ...],
    calibration: str,
    seed: int,
    no_reference: bool,
    ood_detector: str,
    ood_features: str,
    no_ood: bool,
    resume: bool,
    backbone: str | None,
    bad_rows: Path | None,
) -> None:
    """Train a small student on what the TEACHER, a model's folder, says of unlabelled pairs.

    The student learns the teacher's probabilities, not its grades alone. It is a model as any other: darl
    predict, calibrate, serve and the rest take it.
    """
    from darl.cli.progress import cli_progress
    from darl.data.readers import read_graded_pairs
    from darl.grades import GradeScale
    from darl.models.checkpoint import read_card
    from darl.models.prompt import template_fields
    from darl.pipeline.calibrate import parse_calibration
    from darl.pipeline.distil import distil, parse_distil, student_settings
    from darl.pipeline.settings import parse_settings

    scale = GradeScale(read_card(teacher).grades)
    settings = parse_settings(
        student_settings(teacher) | {"backbone": student, "objective": parse_objective(objective)},
        overrides,
        None if no_ood else {"detector": parse_component(ood_detector), "features": ood_features},
        scale,
    )
    if settings.warm:
        raise click.UsageError("--set warm...: a student has no warm-up")
    config = parse_distil({"beyond": beyond, "percentile": percentile, "share": share})
    calibrating = parse_calibration({"method": parse_component(calibration)})
    fields = template_fields(settings.model.prompt)
    with cli_progress() as progress:
        graded = read_graded_pairs(train_file, scale, item_fields=fields) if train_file else []
        valid = read_graded_pairs(valid_file, scale, item_fields=fields) if valid_file else []
        more: dict[str, Any] = {"resume": resume, "bad_rows": bad_rows, "backbone": backbone}
        done = distil(
            teacher,
            pool,
            out,
            settings=settings,
            config=config,
            graded=graded,
            valid=valid,
            reference_size=0 if no_reference else 2000,
            calibration=calibrating,
            seed=seed,
            **more,
            progress=progress,
        )
    _show(done)
    click.echo(f"model: {out / 'model'}")


def _show(done: Distilled) -> None:
    alike = done.likeness
    click.echo(f"student beside teacher, on {alike.pairs:,} pairs that it has not learnt")
    click.echo(f"  same grade {alike.accuracy:.1%}, weighted kappa {_told(alike.qwk)}")
    pairwise, spearman = _told(alike.pairwise), _told(alike.spearman)
    click.echo(f"  order: {pairwise} of adjacent grades within queries, Spearman {spearman}")
    click.echo(f"  probabilities: ECE {alike.ece:.3f}, distance {alike.distance:.3f}")
    teacher = "not known" if done.teacher_rate is None else f"{done.teacher_rate:,.1f}"
    click.echo(f"pairs/s: teacher {teacher}, student {done.student_rate:,.1f}")


def _told(value: float) -> str:
    """A number, or that there is none."""
    return "undefined" if value != value else f"{value:.3f}"
