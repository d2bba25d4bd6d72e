"""A small model that has learnt from a large one what it says of unlabelled pairs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from pydantic import BaseModel, ConfigDict, Field

from darl.calibration.config import CalibrationConfig
from darl.data.splits import check_no_leak, normalise_query, split_by_query
from darl.data.stream import PairStream, input_files
from darl.errors import ConfigError
from darl.evaluation.likeness import Likeness, likeness
from darl.files import write_text
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import ModelCard, read_card
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import template_fields
from darl.pairs import GradedPair
from darl.pipeline.kept import Keeping
from darl.pipeline.overrides import checked
from darl.pipeline.settings import Settings
from darl.pipeline.start import what_is_graded
from darl.pipeline.teacher import RATE, Beyond, Taught, ask_teacher, rate_of
from darl.pipeline.train import HELD_OUT, check_folder, keep_model
from darl.progress import SILENT, Progress
from darl.training.batches import Examples
from darl.training.loop import train_stage

AGREEMENT = "agreement.json"


class DistilConfig(BaseModel):
    """What is taken from the teacher.

    Attributes:
        beyond: What becomes of pairs that it is out of its depth on: "skip", "soften" or "learn".
        percentile: These are above this percentile of its in-distribution pairs.
        share: Of each epoch, drawn afresh from the graded pairs, if there are any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    beyond: Beyond = "skip"
    percentile: float = Field(99.0, ge=0, le=100)
    share: float = Field(0.3, ge=0, lt=1)


def parse_distil(raw: Mapping[str, Any]) -> DistilConfig:
    """What is taken from the teacher, from what is typed.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(DistilConfig, raw, "distil")


@dataclass(frozen=True)
class Distilled:
    """A student, and how like its teacher it is.

    Attributes:
        model: The student.
        likeness: On pairs that it has not learnt.
        teacher_rate: Pairs a second that the teacher graded, reading and writing included; None = not known.
        student_rate: Pairs a second that the student graded.
    """

    model: NeuralRelevanceModel
    likeness: Likeness
    teacher_rate: float | None
    student_rate: float


def student_settings(teacher: Path) -> dict[str, Any]:
    """What a student has of its teacher unless it is told otherwise: what it reads of a pair, and how much.

    Raises:
        CheckpointError: It is no model's folder.
    """
    card = read_card(teacher)
    return card.model.model_dump(include={"prompt", "max_length", "grade_words"})


def distil(
    teacher: str | Path,
    pool: str | Path,
    out: str | Path,
    *,
    settings: Settings,
    config: DistilConfig | None = None,
    graded: Sequence[GradedPair] = (),
    valid: Sequence[GradedPair] = (),
    reference_size: int = 2000,
    calibration: CalibrationConfig | None = None,
    seed: int = 0,
    resume: bool = False,
    bad_rows: Path | None = None,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> Distilled:
    """Train a student on what a teacher says of a pool, and save it to `out`/model.

    The loss of a pair is its mean over grades, each by the teacher's probability of it: with `softmax` the
    cross-entropy, which is least where the student says the same (Hinton, Vinyals and Dean, "Distilling the
    knowledge in a neural network", 2015, arXiv 1503.02531, at temperature 1 or the teacher's calibration).
    A tenth of the pool's queries is not learnt: student and teacher are compared on it.

    Args:
        teacher: Folder of a model.
        pool: A file of pairs, or a folder of files; grades are not read.
        out: Folder for the student, its log, and what the teacher said.
        settings: The student, its training and the detector that is kept with it.
        config: What is taken from the teacher; None = the defaults.
        graded: Graded pairs to learn beside it.
        valid: Held-out graded pairs to choose the epoch and to calibrate by; () = the tenth of the pool.
        reference_size: As in `train`.
        calibration: As in `train`.
        seed: Of everything drawn.
        resume: Go on with what `out` holds; the teacher is not asked again.
        bad_rows: Where bad rows of the pool are set aside, instead of failing.
        backbone: Where the teacher's backbone is now.
        progress: Told how far it is.

    Raises:
        ConfigError: `out` holds a model already, or settings do not fit the teacher.
        DataError: The pool or the graded pairs are at fault, or share queries with `valid`.
        CheckpointError: The teacher cannot be trusted, or `out` is of something else.
    """
    teacher, out, config = Path(teacher), Path(out), config or DistilConfig()
    card = read_card(teacher)
    scale = _check(card, settings, calibration or CalibrationConfig())
    check_folder(out, resume, "teacher", RATE)
    keeping = Keeping(reference_size, settings.ood, calibration or CalibrationConfig())
    # What is wrong is told before the teacher is asked, which may take hours.
    _check_apart(Path(pool), template_fields(card.model.prompt), graded, valid)
    student = build_model(settings.model, scale, seed=seed, progress=progress)
    keeping.check(student)
    taught = ask_teacher(
        teacher, Path(pool), out, resume=resume, bad_rows=bad_rows, backbone=backbone, progress=progress
    )
    taught = _unknown(taught.within(config.beyond, config.percentile, progress), graded)
    learnt, held_out = _parted(taught, graded, np.random.default_rng(seed))
    checked, ratings = tuple(valid) or held_out.graded, taught.ratings
    examples = Examples(learnt.graded, tuple(graded), config.share if graded else 0.0)
    how: dict[str, Any] = {"seed": seed, "folder": out, "ratings": ratings, "name": "student"}
    train_stage(student, examples, checked, settings.training, **how, progress=progress)
    done = _compare(student, held_out, scale, rate_of(out), progress)
    state = PartialState()
    if state.is_main_process:
        known = (*learnt.graded, *graded)
        rng = np.random.default_rng(seed)
        kept = keeping.of(student, known, checked, rng=rng, ratings=ratings, progress=progress)
        _keep_agreement(done, out / AGREEMENT)
        keep_model(student, out, kept)
    state.wait_for_everyone()
    return done


def _check(card: ModelCard, settings: Settings, calibration: CalibrationConfig) -> GradeScale:
    """The grades of both, once it is sure that the student can have them.

    Raises:
        ConfigError: With every fault found.
    """
    scale = GradeScale(card.grades)
    read = template_fields(card.model.prompt)
    faults = [
        f"model.prompt: the student reads the field {name!r}, which the teacher's prompt does not: expected "
        f"some of {', '.join(read) or 'none'}"
        for name in template_fields(settings.model.prompt)
        if name not in read
    ]
    faults += [f"calibration.{fault}" for fault in calibration.faults(scale)]
    if faults:
        raise ConfigError("student", faults)
    return scale


def _check_apart(
    pool: Path, fields: Sequence[str], graded: Sequence[GradedPair], valid: Sequence[GradedPair]
) -> None:
    """Refuse validation pairs whose queries are learnt.

    Raises:
        DataError: Queries of `valid` stand in the pool or in `graded`.
    """
    if not valid:
        return
    checked = {normalise_query(one.pair.query) for one in valid}
    shards = PairStream(input_files(pool), item_fields=fields)
    shared = [pair for shard in shards for pair in shard if normalise_query(pair.query) in checked]
    splits = {"train": [one.pair for one in graded], "pool": shared, "valid": [one.pair for one in valid]}
    check_no_leak(splits)


def _unknown(taught: Taught, graded: Sequence[GradedPair]) -> Taught:
    """The same without pairs that people have graded: their word counts.

    Raises:
        ConfigError: Nothing is left.
    """
    known = {what_is_graded(one.pair) for one in graded}
    rows = [row for row, pair in enumerate(taught.pairs) if what_is_graded(pair) not in known]
    if not rows:
        raise ConfigError("pool", ["all its pairs are in --train, graded: give others"])
    return taught[np.array(rows, dtype=np.int64)]


def _parted(taught: Taught, graded: Sequence[GradedPair], rng: np.random.Generator) -> tuple[Taught, Taught]:
    """What is learnt, and what is not: about a tenth of the queries, none of them a graded pair's."""
    known = {normalise_query(one.pair.query) for one in graded}
    rows = [GradedPair(pair, row) for row, pair in enumerate(taught.pairs)]
    free = [one for one in rows if normalise_query(one.pair.query) not in known]
    held = split_by_query(free, {"learnt": 1 - HELD_OUT, "held": HELD_OUT}, rng)["held"]
    out = np.array([row for _, row in held], dtype=np.int64)
    return taught[np.setdiff1d(np.arange(len(rows)), out)], taught[out]


def _compare(
    student: NeuralRelevanceModel,
    held_out: Taught,
    scale: GradeScale,
    teacher_rate: float | None,
    progress: Progress,
) -> Distilled:
    began = time.monotonic()
    says = student.predict(held_out.pairs, progress=progress)
    rate = len(held_out.pairs) / max(time.monotonic() - began, 1e-9)
    alike = likeness(held_out.graded, held_out.grade_probs, held_out.scores, says, scale)
    return Distilled(student, alike, teacher_rate, rate)


def _keep_agreement(done: Distilled, path: Path) -> None:
    rates = {"teacher_pairs_per_second": done.teacher_rate, "student_pairs_per_second": done.student_rate}
    write_text(path, json.dumps(done.likeness.as_dict() | rates, indent=1, allow_nan=False) + "\n")
