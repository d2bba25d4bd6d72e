"""One model from one stage, straight from graded pairs: the plain way in, without an experiment file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from accelerate import PartialState

from darl.calibration.config import CalibrationConfig
from darl.data.items import Item
from darl.data.splits import check_no_leak, split_by_query
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model, restart_head
from darl.models.checkpoint import Kept, load_model, save_model
from darl.models.config import ModelConfig
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import NO_RATINGS, GradedPair, Ratings
from darl.pipeline.kept import Keeping
from darl.pipeline.lesson import warm_lesson
from darl.pipeline.ood_config import KNN_ON_TUNED, OODConfig, logit_faults
from darl.pipeline.settings import check_settings
from darl.pipeline.warm_config import WarmConfig
from darl.progress import SILENT, Progress
from darl.training.batches import Examples
from darl.training.checkpoint import CHECKPOINT
from darl.training.config import TrainingConfig
from darl.training.log import LOG
from darl.training.loop import train_stage

HELD_OUT = 0.1
WARM = "warm"


def train(
    graded: Sequence[GradedPair],
    out: str | Path,
    *,
    model: ModelConfig,
    training: TrainingConfig | None = None,
    valid: Sequence[GradedPair] = (),
    ratings: Ratings = NO_RATINGS,
    grades: GradeScale | None = None,
    reference_size: int = 2000,
    ood: OODConfig | None = KNN_ON_TUNED,
    calibration: CalibrationConfig | None = None,
    catalogue: Sequence[Item] = (),
    warm: WarmConfig | None = None,
    seed: int = 0,
    resume: bool = False,
    progress: Progress = SILENT,
) -> NeuralRelevanceModel:
    """Train a model, calibrate it on the held-out pairs, and save it to `out`/model.

    With a catalogue it learns pairs that are made of its items first (`darl.data.warm`), for one epoch, in
    `out`/warm; its grade head then starts again.

    Args:
        graded: Graded pairs to train on.
        out: Folder for the model, the log and, until it is done, the checkpoint.
        model: What the model is made of.
        training: How it is trained; None = the defaults.
        valid: Held-out pairs; () = a tenth of the queries of `graded`.
        ratings: What several people said of some of these pairs (`read_rated_pairs`), to learn from it all.
        grades: The scale; None = irrelevant, weak, strong.
        reference_size: Pairs that are kept with the model, texts and features, for `darl select`; 0 = none.
        ood: The detector that is kept with the model, for `darl predict`; None = none.
        calibration: How it is calibrated, if there are at least 50 held-out pairs; None = by temperature.
        catalogue: Items to warm up with; () = none.
        warm: How many pairs are made of them; None = the defaults.
        seed: Of everything drawn.
        resume: Go on with an interrupted training in `out`.
        progress: Told how far it is.

    Raises:
        ConfigError: `out` holds a model already, or settings do not fit.
        DataError: A query stands in both parts, there are too few queries to hold some out, or no query can
            be made of the catalogue.
        CheckpointError: `out` holds a checkpoint of another training.
    """
    out, training = Path(out), training or TrainingConfig.model_validate({})
    calibration, scale = calibration or CalibrationConfig(), grades or GradeScale()
    check_settings(model, training, scale)
    if faults := calibration.faults(scale):
        raise ConfigError("calibration", faults)
    check_folder(out, resume, WARM)
    if ood is not None and (faults := logit_faults(ood.detector, model.objective)):
        raise ConfigError("ood", faults)
    rng = np.random.default_rng(seed)
    if not valid:
        parts = split_by_query(graded, {"train": 1 - HELD_OUT, "valid": HELD_OUT}, rng)
        graded, valid = parts["train"], parts["valid"]
    check_no_leak({"train": [one.pair for one in graded], "valid": [one.pair for one in valid]})
    trained = build_model(model, scale, seed=seed, progress=progress)
    keeping = Keeping(reference_size, ood, calibration)
    keeping.check(trained)
    if catalogue:
        trained = _warmed_up(trained, catalogue, warm or WarmConfig(), training, seed, out / WARM, progress)
    examples = Examples(tuple(graded))
    train_stage(trained, examples, valid, training, seed=seed, folder=out, ratings=ratings, progress=progress)
    state = PartialState()
    if state.is_main_process:
        kept = keeping.of(trained, graded, valid, rng=rng, ratings=ratings, progress=progress)
        keep_model(trained, out, kept)
    state.wait_for_everyone()
    return trained


def _warmed_up(
    model: NeuralRelevanceModel,
    items: Sequence[Item],
    warm: WarmConfig,
    training: TrainingConfig,
    seed: int,
    folder: Path,
    progress: Progress,
) -> NeuralRelevanceModel:
    """The model after its warm-up, with a head that has learnt nothing; where that is done, it is read."""
    if not (folder / "model").exists():
        # One pass over all weights: what is said of the stage that reads labels is said of that one.
        config = training.model_copy(update={"epochs": 1, "trains": "all", "anchor": None})
        lesson = warm_lesson(items, warm, model.grade_scale, seed=seed, progress=progress)
        train_stage(model, *lesson, config, seed=seed, folder=folder, name="warm-up", progress=progress)
        state = PartialState()
        if state.is_main_process:
            keep_model(model, folder, {})
        state.wait_for_everyone()
    warmed = load_model(folder / "model", progress=progress)
    restart_head(warmed)
    return warmed


def keep_model(model: NeuralRelevanceModel, folder: Path, kept: Mapping[str, Kept]) -> None:
    """Save a trained model to `folder`/model; its checkpoint has done its service."""
    save_model(model, folder / "model", kept=kept)
    (folder / CHECKPOINT).unlink(missing_ok=True)


def check_folder(out: Path, resume: bool, *begun: str) -> None:
    """Refuse a folder in which something else would be lost.

    Args:
        out: Where a training goes.
        resume: Whether to go on with one.
        begun: What is there, beside its log, where one was begun.

    Raises:
        ConfigError: It is a file, holds a model, or a training that is not to be gone on with.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(str(out), ["is a file: give a folder"])
    if (out / "model").exists():
        raise ConfigError(str(out), ["holds a trained model already: give another folder"])
    if any((out / name).exists() for name in (LOG, *begun)) and not resume:
        raise ConfigError(
            str(out), ["holds an interrupted training: go on with --resume, or give another folder"]
        )
