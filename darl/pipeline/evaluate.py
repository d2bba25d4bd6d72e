"""A report on models that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from darl.evaluation.judged import Judged, judge
from darl.evaluation.report import Report, build_report
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields
from darl.pipeline.calibrate import load_calibration, told_of
from darl.pipeline.slices import common_scale, read_slices
from darl.progress import SILENT, Progress


def evaluate(
    models: Mapping[str, Path],
    slices: Mapping[str, Path],
    *,
    baseline: str,
    backbone: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    ratings: bool = False,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Predict graded files with models and put the results side by side, before and after calibration.

    Args:
        models: Model folders by the name they have in the report.
        slices: Files of graded pairs by the name of the slice.
        baseline: The model the others are compared with.
        backbone: Where the models' backbone is now.
        resamples: Of the intervals.
        seed: Of the resampling.
        ratings: Whether several people may have rated a pair, which is then judged by their median.
        bad_rows: A folder in which rows that are wrong are set aside; None stops at them.
        progress: Told how far it is.

    Raises:
        ConfigError: The models have different grades.
        CheckpointError: A model folder cannot be trusted.
        DataError: A file is wrong.
    """
    cards = {name: read_card(folder) for name, folder in models.items()}
    scale = common_scale(cards)
    runs: dict[str, dict[str, list[Judged]]] = {}
    after: dict[str, dict[str, list[Judged]]] = {}
    for name, folder in models.items():
        fields = template_fields(cards[name].model.prompt)
        graded = read_slices(slices, scale, fields, ratings=ratings, bad_rows=bad_rows, progress=progress)
        model = load_model(folder, backbone=backbone, progress=progress)
        runs[name] = {
            part: [judge(rows, model.predict([one.pair for one in rows], progress=progress))]
            for part, rows in graded.items()
        }
        if (calibration := load_calibration(folder)) is not None:
            after[name] = {
                part: [told_of(runs[name][part][0], rows, calibration)] for part, rows in graded.items()
            }
    return build_report(
        runs,
        scale,
        {name: {} for name in runs},
        baseline,
        np.random.default_rng(seed),
        calibrated=after,
        title="Evaluation of " + ", ".join(models),
        resamples=resamples,
    )
