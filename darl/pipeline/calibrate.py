"""Calibrating a model that is there, or one that has just been trained, and telling what it then says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darl.calibration.by_domain import large_domains
from darl.calibration.calibration import Calibration, cross_fit
from darl.calibration.config import CalibrationConfig
from darl.calibration.evidence import Evidence
from darl.calibration.new_traffic import LEAST, NEW_FROM
from darl.calibration.store import CalibrationFile, from_bytes
from darl.data.pool import Pool
from darl.errors import ConfigError
from darl.evaluation.calibration_rows import CalibrationRow, calibration_rows
from darl.evaluation.judged import Judged, judge, with_decisions
from darl.grades import GradeScale
from darl.models.base import RelevanceModel
from darl.models.checkpoint import CALIBRATION, load_model, put_files, read_card
from darl.models.reference import some_rows
from darl.pairs import NO_RATINGS, GradedPair, Pair, Ratings
from darl.pipeline.gauge import OOD_PERCENTILE, OOD_SCORE, Gauge, load_gauge
from darl.pipeline.overrides import checked
from darl.predictions import Decisions, FloatArray, IntArray, Predictions
from darl.progress import SILENT, Progress
from darl.selection.ood_sampling import MOSTLY, ood_probability

LEAST_PAIRS, LEAST_QUERIES = 50, 5
MOST_TRAFFIC = 2000
"""Pairs of traffic that are looked at for `new_traffic`, besides those that are graded."""
EVERYTHING = "all"


def load_calibration(folder: str | Path) -> Calibration | None:
    """The calibration that is kept with a model; None for a model that has none.

    Args:
        folder: Of a model. Of its files this one alone is checked; `load_model` checks all.

    Raises:
        CheckpointError: The file is damaged, or of another version of darl.
    """
    folder = Path(folder)
    if CALIBRATION not in read_card(folder, only=CALIBRATION).files:
        return None
    return from_bytes((folder / CALIBRATION).read_bytes(), str(folder / CALIBRATION))


def parse_calibration(raw: Mapping[str, Any]) -> CalibrationConfig:
    """What is asked for.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(CalibrationConfig, raw, "calibration")


def decide(
    predictions: Predictions,
    pairs: Sequence[Pair],
    calibration: Calibration | None,
    ood_percentiles: FloatArray | None = None,
) -> Decisions:
    """What is told of N pairs: calibrated, or without a calibration as the model says it."""
    if calibration is None:
        return Decisions.of(predictions)
    return calibration.apply(predictions, [pair.domain for pair in pairs], ood_percentiles)


def told_of(
    judged: Judged,
    graded: Sequence[GradedPair],
    calibration: Calibration,
    ood_percentiles: FloatArray | None = None,
) -> Judged:
    """The same pairs as they are told to be after calibration."""
    pairs = [one.pair for one in graded]
    return with_decisions(judged, decide(judged.predictions, pairs, calibration, ood_percentiles))


def calibrate(
    model: str | Path,
    graded: Sequence[GradedPair],
    config: CalibrationConfig | None = None,
    *,
    ratings: Ratings = NO_RATINGS,
    traffic: Pool | None = None,
    backbone: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[Calibration, list[CalibrationRow]]:
    """Fit a calibration on validation pairs and keep it in the model's folder, whole or not at all.

    A config of nothing ("none") takes the calibration out of the folder.

    Args:
        model: Folder of the model.
        graded: Graded pairs that the model was not trained on, at least 50 of 5 queries.
        config: What is asked for; None = temperature scaling.
        ratings: What several people said of some of them: probabilities follow it, not the median.
        traffic: Pairs as they come, some of them graded, for a config with `new_traffic`.
        backbone: Where the backbone is now, if not where the model says.
        resamples: Of the intervals.
        seed: Of the resampling.
        progress: Told how far it is.

    Returns:
        The calibration; and before and after, each pair told by a calibration fitted on other queries.

    Raises:
        ConfigError: Too few pairs, a config that does not fit the model's grades, a goal that the pairs do
            not support, or traffic that nothing can be learnt from; nothing is written.
        CheckpointError: The model cannot be trusted.
    """
    folder, config = Path(model), config or CalibrationConfig()
    scale = GradeScale(read_card(folder).grades)
    faults = config.faults(scale) + _lacking(graded)
    if config.new_traffic and (traffic is None or not traffic.graded):
        faults.append("new_traffic: expected traffic, some of it graded, received none")
    if faults:
        raise ConfigError("calibration", faults)
    loaded = load_model(folder, backbone=backbone, progress=progress)
    gauge = load_gauge(folder) if config.may_read_ood else None
    evidence = evidence_of(loaded, graded, gauge, progress, ratings)
    calibration = Calibration.fit(config, scale, evidence)
    if calibration.unmet:
        raise ConfigError(
            str(folder), [f"not calibrated: {key}: {text}" for key, text in calibration.unmet.items()]
        )
    if config.new_traffic and traffic is not None:
        calibration = _with_traffic(calibration, loaded, traffic, gauge, progress)
        if calibration.new_traffic is None:
            raise ConfigError(str(folder), [f"not calibrated: new_traffic: {_why_not(gauge)}"])
    rows = _by_slice(graded, evidence, cross_fit(config, scale, evidence), scale, resamples, seed)
    put_files(folder, {CALIBRATION: None if config.is_none else CalibrationFile(calibration)})
    return calibration, rows


def calibration_of(
    model: RelevanceModel,
    valid: Sequence[GradedPair],
    config: CalibrationConfig,
    gauge: Gauge | None,
    progress: Progress = SILENT,
    ratings: Ratings = NO_RATINGS,
    traffic: Pool | None = None,
    earlier: Sequence[GradedPair] = (),
) -> Calibration | None:
    """The calibration that a model which has just been trained is kept with; None for "none".

    Too few validation pairs, and goals that they do not support, are told and left out: what has been trained
    is not to be lost for them.
    """
    if config.is_none:
        return None
    if lacking := _lacking(valid):
        progress.message(f"not calibrated: {lacking[0]}")
        return None
    asked = gauge if config.may_read_ood else None
    evidence = evidence_of(model, valid, asked, progress, ratings)
    calibration = Calibration.fit(config, model.grade_scale, evidence)
    for key, text in calibration.unmet.items():
        progress.message(f"calibrated without {key}: {text}")
    if calibration.unmet:
        calibration = calibration.without_unmet(evidence)
    if config.new_traffic and traffic is not None and (traffic.graded or earlier):
        calibration = _with_traffic(calibration, model, traffic, gauge, progress, earlier)
        if calibration.new_traffic is None:
            progress.message(f"calibrated without new_traffic: {_why_not(gauge)}")
    return calibration


def _with_traffic(
    calibration: Calibration,
    model: RelevanceModel,
    traffic: Pool,
    gauge: Gauge | None,
    progress: Progress,
    earlier: Sequence[GradedPair] = (),
) -> Calibration:
    """The same with cuts for new pairs, if labels of traffic and a detector can tell them."""
    if gauge is None:
        return calibration
    grades: IntArray = np.full(len(traffic), -1)
    for index, grade in traffic.grading:
        grades[index] = grade
    drawn = some_rows(len(traffic), MOST_TRAFFIC, np.random.default_rng(0))
    # First what is as it comes, then what is there for its grade alone: labels seek what is new.
    rows = np.concatenate([drawn, np.setdiff1d(np.flatnonzero(grades >= 0), drawn)])
    pairs = [*(traffic.pairs[row] for row in rows), *(one.pair for one in earlier)]
    told = np.concatenate([grades[rows], [one.grade for one in earlier]]).astype(np.int64)
    predictions = model.predict(pairs, progress=progress)
    found = gauge.columns(model, pairs, predictions, progress=progress)
    percentiles = found[OOD_PERCENTILE]
    as_it_comes = np.arange(len(pairs)) < (len(drawn) or len(pairs))
    likely = ood_probability(found[OOD_SCORE][as_it_comes], gauge.held_out) >= MOSTLY
    likely_from = float(percentiles[as_it_comes][likely].min(initial=np.inf))
    domains = [pair.domain for pair in pairs]
    return calibration.with_traffic(predictions, domains, percentiles, told, as_it_comes, likely_from)


def _why_not(gauge: Gauge | None) -> str:
    if gauge is None:
        return "the model keeps no detector that could tell new pairs"
    return f"expected at least {LEAST} labels of pairs whose OOD percentile is {NEW_FROM:g} or above"


def evidence_of(
    model: RelevanceModel,
    graded: Sequence[GradedPair],
    gauge: Gauge | None = None,
    progress: Progress = SILENT,
    ratings: Ratings = NO_RATINGS,
) -> Evidence:
    """Validation pairs, what the model and people say of them, and with a gauge how unusual they are."""
    pairs = [one.pair for one in graded]
    predictions = model.predict(pairs, progress=progress)
    measures = gauge.columns(model, pairs, predictions, progress=progress) if gauge else {}
    return evidence_in(predictions, graded, measures.get(OOD_PERCENTILE), ratings)


def evidence_in(
    predictions: Predictions,
    graded: Sequence[GradedPair],
    ood_percentiles: FloatArray | None = None,
    ratings: Ratings = NO_RATINGS,
) -> Evidence:
    """The same of N pairs that are predicted already, in the same order."""
    return Evidence(
        predictions,
        np.array([one.grade for one in graded], dtype=np.int64),
        np.array([one.pair.query_id for one in graded], dtype=np.str_),
        np.array([one.pair.domain for one in graded], dtype=np.str_),
        ood_percentiles,
        _shares(graded, ratings, predictions.grade_probs.shape[1]) if ratings else None,
    )


def _shares(graded: Sequence[GradedPair], ratings: Ratings, n_grades: int) -> FloatArray:
    """(N, K) what share of the ratings of each pair each grade has."""
    said = [ratings.get(one.pair, (one.grade,)) for one in graded]
    return np.array([np.bincount(of, minlength=n_grades) / len(of) for of in said])


def _by_slice(
    graded: Sequence[GradedPair],
    evidence: Evidence,
    told: Decisions,
    scale: GradeScale,
    resamples: int,
    seed: int,
) -> list[CalibrationRow]:
    """Before and after on all pairs, and on those of each domain that has at least 100."""
    before = judge(graded, evidence.predictions)
    after = with_decisions(before, told)
    slices = {EVERYTHING: np.ones(len(graded), dtype=np.bool_)}
    slices |= {name: evidence.domains == name for name in large_domains(evidence.domains)}
    return [
        row
        for name, rows in slices.items()
        for row in calibration_rows(
            "model", name, [before[rows]], [after[rows]], scale, np.random.default_rng(seed), resamples
        )
    ]


def _lacking(graded: Sequence[GradedPair]) -> list[str]:
    queries = len({one.pair.query_id for one in graded})
    if len(graded) >= LEAST_PAIRS and queries >= LEAST_QUERIES:
        return []
    return [
        f"expected at least {LEAST_PAIRS} validation pairs of {LEAST_QUERIES} queries, received "
        f"{len(graded)} of {queries}"
    ]
