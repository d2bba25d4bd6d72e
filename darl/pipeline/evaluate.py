"""A report on models that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from darl.evaluation.judged import Judged, judge, with_decisions
from darl.evaluation.report import Report, build_report
from darl.models.base import RelevanceModel
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields
from darl.pairs import GradedPair
from darl.pipeline.slices import common_scale, read_slices
from darl.pipeline.told import Teller
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
        teller = Teller.of(folder)
        if teller.calibration is not None:
            after[name] = {
                part: [_told(teller, model, rows, runs[name][part][0], progress)]
                for part, rows in graded.items()
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


def _told(
    teller: Teller, model: RelevanceModel, graded: Sequence[GradedPair], judged: Judged, progress: Progress
) -> Judged:
    """The same pairs as they are told to be; how unusual they are is asked where a rule reads it."""
    teller = teller if teller.reads_ood else replace(teller, gauge=None)
    told = teller.tell(model, [one.pair for one in graded], judged.predictions, progress=progress)
    return with_decisions(judged, told.decisions)
