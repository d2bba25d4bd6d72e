"""A detector for a model that is there: one between others, or one whose detector is to be another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darl.calibration.config import NONE, CalibrationConfig
from darl.data.splits import check_no_leak
from darl.errors import ConfigError, ShapeError
from darl.models.checkpoint import CALIBRATION, Kept, load_model, put_files, read_card
from darl.models.reference import REFERENCE
from darl.pairs import GradedPair
from darl.pipeline.calibrate import load_calibration
from darl.pipeline.gauge import GAUGE, Gauge
from darl.pipeline.kept import Keeping, gauge_of
from darl.pipeline.ood_config import KNN_ON_TUNED, OODConfig, logit_faults
from darl.progress import SILENT, Progress


def fit_detector(
    model: str | Path,
    graded: Sequence[GradedPair],
    valid: Sequence[GradedPair],
    ood: OODConfig = KNN_ON_TUNED,
    *,
    reference_size: int = 2000,
    backbone: str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Gauge:
    """Fit a detector on training pairs and keep it in the model's folder, beside the reference.

    What was there of both is replaced. A calibration that reads the former detector is taken out, and that is
    told. All of it is done, or none.

    Args:
        model: Folder of the model.
        graded: Pairs the model was trained on.
        valid: In-distribution pairs it was not trained on: they say what is usual.
        ood: The detector, the features it reads, and on how many pairs it is fitted.
        reference_size: Training and held-out pairs of the reference, at most; 0 takes it out.
        backbone: Where the backbone is now, if not where the model says.
        seed: Of the draw, where there are more pairs than are wanted.
        progress: Told how far it is.

    Raises:
        ConfigError: The detector does not fit the model or the pairs; nothing is written.
        DataError: A query stands among both, training and validation pairs.
        CheckpointError: The model cannot be trusted.
    """
    folder, rng = Path(model), np.random.default_rng(seed)
    parts = {"train": [one.pair for one in graded], "valid": [one.pair for one in valid]}
    faults = logit_faults(ood.detector, read_card(folder).model.objective)
    faults += [f"{name}: expected at least one pair" for name, pairs in parts.items() if not pairs]
    if faults:
        raise ConfigError("ood", faults)
    check_no_leak(parts)
    calibration = load_calibration(folder)
    loaded = load_model(folder, backbone=backbone, progress=progress)
    keeping = Keeping(reference_size, ood, CalibrationConfig(method=NONE))
    keeping.check(loaded)
    seen = keeping.take(loaded, graded, valid, rng=rng, progress=progress)
    try:
        gauge = gauge_of(ood, seen, rng)
    except ShapeError as error:
        raise ConfigError(str(folder), [f"no detector was fitted: {error}"]) from error
    kept: dict[str, Kept | None] = {GAUGE: gauge, REFERENCE: None}
    if reference_size:
        kept[REFERENCE] = keeping.reference(loaded, seen, rng=rng, progress=progress)
    if calibration is not None and calibration.reads_ood:
        kept[CALIBRATION] = None
        progress.message("the calibration is taken out: it read the former detector (run darl calibrate)")
    put_files(folder, kept)
    return gauge
