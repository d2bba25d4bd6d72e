"""The report: what every model says of every slice, with intervals, gaps and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from darl.errors import ConfigError, ShapeError
from darl.evaluation.bootstrap import SliceEstimates, estimate_slice
from darl.evaluation.calibration_view import CalibrationView, Runs, calibration_view
from darl.evaluation.ending import Ending
from darl.evaluation.judged import Judged
from darl.evaluation.metrics import metrics_for
from darl.evaluation.outlook import StageOutlook
from darl.evaluation.rows import Difference, Row, check_level, differences_of, rows_of, with_gaps
from darl.grades import GradeScale
from darl.predictions import FloatArray, IntArray

LABEL_KINDS = ("train", "selected")


@dataclass(frozen=True, eq=False)
class RoundView:
    """One round of one model: which pool pairs were selected for annotation, and how unusual they were.

    Args:
        model: The model whose round it was.
        stage: The stage that the round fed.
        detector: The OOD detector's name.
        strategy: The selection strategy's name.
        ood_scores: (N,) of the pool, larger is further from the training distribution.
        in_dist_scores: (M,) ood_scores of held-out in-distribution pairs.
        selected: (n,) distinct indices into the pool.
        selected_grades: (n,) the grades that annotation gave to them.
        round: Which of its stage's rounds it was, from 1; 0 where the stage has one only.

    Raises:
        ShapeError: There are no scores, an index is outside the pool or repeated, or the grades are not
            one per index.
    """

    model: str
    stage: str
    detector: str
    strategy: str
    ood_scores: FloatArray
    in_dist_scores: FloatArray
    selected: IntArray
    selected_grades: IntArray
    round: int = 0

    def __post_init__(self) -> None:
        place = f"round {self.stage} of {self.model}"
        n = len(self.ood_scores)
        if not n or not len(self.in_dist_scores):
            raise ShapeError(
                f"{place}: expected a pool and in-distribution scores, received {n} and "
                f"{len(self.in_dist_scores)} scores"
            )
        if self.selected.shape != self.selected_grades.shape or self.selected.ndim != 1:
            raise ShapeError(
                f"{place}: expected one grade per selected pair, received selected "
                f"{self.selected.shape} and selected_grades {self.selected_grades.shape}"
            )
        if len(np.unique(self.selected)) < len(self.selected):
            raise ShapeError(f"{place}: selected: expected distinct indices, received repeated ones")
        if len(self.selected) and (self.selected.min() < 0 or self.selected.max() >= n):
            raise ShapeError(
                f"{place}: selected: expected indices 0..{n - 1} into the pool, "
                f"received {self.selected.min()}..{self.selected.max()}"
            )


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that report.json and report.html say.

    Attributes:
        title: What was compared.
        scale: The grades.
        rows: One per model, slice and metric, gaps ("gap:SLICE") included.
        differences: Each model minus the baseline, per slice and metric, gaps included.
        labels: model -> {"train": n, "selected": n}, the annotated pairs it learnt from.
        seeds: model -> how many runs (seeds) its values are the mean of.
        slices: The slices in order; the last is taken to be the furthest from training.
        baseline: The model that the others are compared with.
        runs: model -> slice -> its runs.
        told: The same after calibration, of models that have one.
        rounds: The rounds, for the plots.
        outlooks: Where stages of several rounds ended: learning curves, and what another round would bring.
        endings: What was decided after recipes' last stages: interpolation, gate.
        calibration: The models as they are and after calibration; everything else is of them as they are.
        notes: What a reader should know, as given by the caller.
        by_seed: (model, slice, metric) -> the value of each seed.
        level: Level of the intervals.
        resamples: How many resamples of queries they come from.
    """

    title: str
    scale: GradeScale
    rows: list[Row]
    differences: list[Difference]
    labels: Mapping[str, Mapping[str, int]]
    seeds: Mapping[str, int]
    slices: list[str]
    baseline: str
    runs: Runs
    told: Runs
    rounds: list[RoundView]
    outlooks: list[StageOutlook]
    endings: list[Ending]
    calibration: CalibrationView
    notes: list[str]
    by_seed: Mapping[tuple[str, str, str], tuple[float, ...]]
    level: float
    resamples: int

    @property
    def models(self) -> list[str]:
        """The models, the baseline first."""
        return [self.baseline, *(model for model in self.runs if model != self.baseline)]

    @cached_property
    def row_at(self) -> dict[tuple[str, str, str], Row]:
        """The rows by (model, slice, metric)."""
        return {(row.model, row.slice, row.metric): row for row in self.rows}

    @cached_property
    def difference_at(self) -> dict[tuple[str, str, str], Difference]:
        """The differences by (model, slice, metric)."""
        return {(found.model, found.slice, found.metric): found for found in self.differences}

    def n_labels(self, model: str) -> int:
        """How many annotated pairs a model learnt from, selected ones included."""
        return sum(self.labels[model].values())

    def judged_on(self, name: str) -> Judged:
        """The first run on a slice, for what is the same in all of them: pairs and gold."""
        return next(by_slice[name][0] for by_slice in self.runs.values() if name in by_slice)


def build_report(
    runs: Runs,
    scale: GradeScale,
    labels: Mapping[str, Mapping[str, int]],
    baseline: str,
    rng: np.random.Generator,
    rounds: Sequence[RoundView] = (),
    outlooks: Sequence[StageOutlook] = (),
    endings: Sequence[Ending] = (),
    calibrated: Runs | None = None,
    title: str = "Relevance report",
    notes: Sequence[str] = (),
    resamples: int = 1000,
    level: float = 0.95,
) -> Report:
    """Compare models on slices.

    All models and seeds see the same resamples of a slice's queries; each slice is resampled on its own.

    Args:
        runs: model -> slice -> its runs, one per seed, on the same pairs in the same order. The order
            of slices is that of first appearance; "in_dist" is what the gaps are measured from. A model
            may lack a slice.
        scale: The grades.
        labels: model -> {"train": n, "selected": n}; what is not named is 0.
        baseline: The model that the others are compared with.
        rng: Draws the resamples.
        rounds: The rounds, for the plots.
        outlooks: Where stages of several rounds ended.
        endings: What was decided after recipes' last stages.
        calibrated: The same runs after calibration, for models that have one.
        title: What was compared.
        notes: What a reader should know, shown as written.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ConfigError: No model, a baseline or round of an unknown model, a model without labels, or
            `level` or `resamples` out of range.
        ShapeError: Runs that do not fit together.
    """
    check_level(level)
    _check(runs, scale, labels, baseline, rounds, outlooks)
    slices = list(dict.fromkeys(name for by_slice in runs.values() for name in by_slice))
    estimates = with_gaps(_estimate(runs, slices, scale, rng, resamples))
    others = [model for model in runs if model != baseline]
    return Report(
        title=title,
        scale=scale,
        rows=rows_of(estimates, list(runs), level),
        differences=[
            found for model in others for found in differences_of(estimates, model, baseline, level)
        ],
        labels={model: {kind: labels[model].get(kind, 0) for kind in LABEL_KINDS} for model in runs},
        seeds={model: max(len(seeds) for seeds in by_slice.values()) for model, by_slice in runs.items()},
        slices=slices,
        baseline=baseline,
        runs=runs,
        told=calibrated or {},
        rounds=list(rounds),
        outlooks=list(outlooks),
        endings=list(endings),
        calibration=calibration_view(runs, calibrated or {}, slices, scale, rng, resamples, level),
        notes=list(notes),
        by_seed={
            (model, name, metric): estimate.by_seed
            for name in slices
            for model, found in estimates[name].items()
            for metric, estimate in found.items()
        },
        level=level,
        resamples=resamples,
    )


def _estimate(
    runs: Runs, slices: Sequence[str], scale: GradeScale, rng: np.random.Generator, resamples: int
) -> dict[str, SliceEstimates]:
    metrics = list(metrics_for(scale).values())
    # A generator per slice: a slice's intervals do not depend on how large the others are.
    return {
        name: estimate_slice(
            {model: by_slice[name] for model, by_slice in runs.items() if name in by_slice},
            scale,
            metrics,
            own,
            resamples,
        )
        for name, own in zip(slices, rng.spawn(len(slices)), strict=True)
    }


def _check(
    runs: Runs,
    scale: GradeScale,
    labels: Mapping[str, Mapping[str, int]],
    baseline: str,
    rounds: Sequence[RoundView],
    outlooks: Sequence[StageOutlook],
) -> None:
    known = ", ".join(runs) or "none"
    faults = [] if runs else ["runs: expected at least one model, received none"]
    if runs and baseline not in runs:
        faults.append(f"baseline: expected one of {known}, received {baseline!r}")
    faults += [
        f"runs: {model}: expected at least one slice, received none" for model in runs if not runs[model]
    ]
    faults += [f"labels: expected an entry for {model!r}" for model in runs if model not in labels]
    faults += [
        f"labels: {model}: expected {' or '.join(LABEL_KINDS)}, received {kind!r}"
        for model in labels
        for kind in labels[model]
        if kind not in LABEL_KINDS
    ]
    faults += [
        f"{what}: expected one of {known}, received {view.model!r}"
        for what, views in (("rounds", rounds), ("outlooks", outlooks))
        for view in views
        if view.model not in runs
    ]
    faults += [
        f"rounds: {view.model}, {view.stage}: expected selected grades 0..{len(scale) - 1}, "
        f"received {view.selected_grades.min()}..{view.selected_grades.max()}"
        for view in rounds
        if len(view.selected) and not np.isin(view.selected_grades, range(len(scale))).all()
    ]
    if faults:
        raise ConfigError("report", faults)
