"""Two models that are there, side by side: what differs, and whether one may take the other's place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from darl.errors import ConfigError
from darl.evaluation.comparison import LEAST_QUERIES, Both, Comparison
from darl.evaluation.comparison import compare as compare_slices
from darl.evaluation.gate import GateDecision, GateRule, gate
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields
from darl.pairs import GradedPair
from darl.pipeline.slices import common_scale, read_slices
from darl.predictions import Predictions
from darl.progress import SILENT, Progress


def compare(
    candidate: str | Path,
    current: str | Path,
    slices: Mapping[str, str | Path],
    *,
    least_queries: int = LEAST_QUERIES,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    backbone: str | None = None,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> Comparison:
    """What changes if a candidate takes the current model's place, by slice and domain, and pair by pair.

    Both are judged as they are, before calibration.

    Args:
        candidate: A model's folder.
        current: Another.
        slices: Files of graded pairs by the name of the slice.
        least_queries: A domain with fewer queries is not compared by itself.
        resamples: Of the intervals.
        level: Of the intervals.
        seed: Of the resampling.
        backbone: Where the models' backbone is now.
        bad_rows: A folder in which rows that are wrong are set aside; None stops at them.
        progress: Told how far it is.

    Raises:
        ConfigError: The models have different grades.
        CheckpointError: A model folder cannot be trusted.
        DataError: A file is wrong.
    """
    scale, both = say_both(
        candidate, current, slices, backbone=backbone, bad_rows=bad_rows, progress=progress
    )
    return compare_slices(
        both,
        scale,
        list(metrics_for(scale).values()),
        np.random.default_rng(seed),
        title=f"{candidate} against {current}",
        least_queries=least_queries,
        resamples=resamples,
        level=level,
    )


def promote(
    candidate: str | Path,
    current: str | Path,
    slices: Mapping[str, str | Path],
    rule: GateRule | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    backbone: str | None = None,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> GateDecision:
    """Whether a candidate may take the current model's place.

    Args:
        candidate: A model's folder.
        current: Another.
        slices: Files of graded pairs by the name of the slice, none of which either was trained on.
        rule: What is tolerated; None = no significant fall in macro-F1.
        resamples: Of the intervals.
        seed: Of the resampling.
        backbone: Where the models' backbone is now.
        bad_rows: A folder in which rows that are wrong are set aside; None stops at them.
        progress: Told how far it is.

    Raises:
        ConfigError: The models have different grades, or there is no such metric on them.
        CheckpointError: A model folder cannot be trusted.
        DataError: A file is wrong.
    """
    rule = rule or GateRule()
    known = metrics_for(common_scale({str(one): read_card(Path(one)) for one in (candidate, current)}))
    if rule.metric not in known:
        raise ConfigError("gate", [f"metric: expected one of {', '.join(known)}, received {rule.metric!r}"])
    scale, both = say_both(
        candidate, current, slices, backbone=backbone, bad_rows=bad_rows, progress=progress
    )
    return gate(both, rule, scale, np.random.default_rng(seed), resamples)


def say_both(
    candidate: str | Path,
    current: str | Path,
    slices: Mapping[str, str | Path],
    *,
    backbone: str | None = None,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[GradeScale, dict[str, Both]]:
    """The grades of two models, and what both say of each slice.

    Raises:
        ConfigError: The models have different grades.
        CheckpointError: A model folder cannot be trusted.
        DataError: A file is wrong.
    """
    folders = Path(candidate), Path(current)
    cards = [read_card(folder) for folder in folders]
    scale = common_scale(dict(zip(map(str, folders), cards, strict=True)))
    fields = dict.fromkeys(name for card in cards for name in template_fields(card.model.prompt))
    graded = read_slices(slices, scale, fields, bad_rows=bad_rows, progress=progress)
    new, old = (_say(folder, graded, backbone, progress) for folder in folders)
    return scale, {part: Both(tuple(rows), old[part], new[part]) for part, rows in graded.items()}


def _say(
    folder: Path, graded: Mapping[str, list[GradedPair]], backbone: str | None, progress: Progress
) -> dict[str, Predictions]:
    model = load_model(folder, backbone=backbone, progress=progress)
    return {
        part: model.predict([one.pair for one in rows], progress=progress) for part, rows in graded.items()
    }
