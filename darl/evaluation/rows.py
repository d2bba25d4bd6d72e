"""The lines of a report: values, gaps between slices and differences between models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from darl.errors import ConfigError
from darl.evaluation.bootstrap import SliceEstimates, estimate_slice
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import Judged
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale

IN_DIST = "in_dist"
GAP = "gap:"


def leaves_out_zero(low: float | None, high: float | None) -> bool:
    """Whether there is an interval of a difference, and 0 is not in it.

    >>> leaves_out_zero(0.1, 0.2), leaves_out_zero(-0.1, 0.2), leaves_out_zero(None, None)
    (True, False, False)
    """
    return low is not None and high is not None and (low > 0 or high < 0)


class Row(NamedTuple):
    """A metric of a model on a slice, or its gap.

    Attributes:
        model: The model.
        slice: The slice, or "gap:SLICE": the metric on in_dist minus the metric on SLICE.
        metric: The metric's name.
        value: The mean over seeds; None where it is undefined.
        low: Lower end of the interval over resamples of queries; None where there is none.
        high: Upper end.
        n: How many units the value rests on: pairs, or queries for nDCG; for a gap the smaller n.
        reason: Why a number is None, or what the value leaves out; else "".
    """

    model: str
    slice: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""


class Difference(NamedTuple):
    """A metric (or gap) of a model minus that of the baseline, on the same queries.

    Attributes:
        model: The model.
        baseline: The model it is compared with.
        slice: The slice, or "gap:SLICE".
        metric: The metric's name.
        value: model - baseline; None where either is undefined.
        low: Lower end of the paired interval; None where there is none.
        high: Upper end.
        n: As in Row.
        reason: As in Row.
    """

    model: str
    baseline: str
    slice: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return leaves_out_zero(self.low, self.high)


def check_level(level: float) -> None:
    """Refuse a level that is not strictly between 0 and 1.

    Raises:
        ConfigError: It is not.
    """
    if not 0 < level < 1:
        raise ConfigError("bootstrap", [f"level: expected 0 < level < 1 (0.95 is usual), received {level}"])


def with_gaps(slices: Mapping[str, SliceEstimates]) -> dict[str, SliceEstimates]:
    """The slices, followed by the gap between in_dist and each other slice.

    Args:
        slices: slice -> model -> metric name -> estimate. Without in_dist there are no gaps.
    """
    gaps = {
        GAP + name: {
            model: {metric: slices[IN_DIST][model][metric].minus(there) for metric, there in found.items()}
            for model, found in estimates.items()
            if model in slices[IN_DIST]
        }
        for name, estimates in slices.items()
        if IN_DIST in slices and name != IN_DIST
    }
    return {**slices, **gaps}


def rows_of(slices: Mapping[str, SliceEstimates], models: Sequence[str], level: float) -> list[Row]:
    """One row per model, slice and metric, in that order.

    Args:
        slices: slice -> model -> metric name -> estimate.
        models: The models in the order wanted; a slice may lack some.
        level: Level of the intervals.
    """
    return [
        _row(model, name, metric, estimate, level)
        for model in models
        for name, estimates in slices.items()
        for metric, estimate in estimates.get(model, {}).items()
    ]


def differences_of(
    slices: Mapping[str, SliceEstimates], model: str, baseline: str, level: float
) -> list[Difference]:
    """A model minus the baseline, one per slice and metric that both have."""
    return [
        Difference(model, baseline, *_row(model, name, metric, mine.minus(theirs), level)[1:])
        for name, estimates in slices.items()
        if model in estimates and baseline in estimates
        for (metric, mine), theirs in zip(estimates[model].items(), estimates[baseline].values(), strict=True)
    ]


def _row(model: str, name: str, metric: str, estimate: Estimate, level: float) -> Row:
    low, high, reason = estimate.interval(level)
    return Row(model, name, metric, estimate.value, low, high, estimate.n, reason)


def metric_rows(
    model: str,
    slice: str,
    runs: Sequence[Judged],
    scale: GradeScale,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Row]:
    """Every metric of one model on one slice.

    Args:
        model: The model's name.
        slice: The slice's name.
        runs: One per seed, the same pairs in the same order.
        scale: The grades.
        rng: Draws the queries of the resamples.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ShapeError: No run, or the runs do not fit together.
        ConfigError: `level` or `resamples` is out of range.
    """
    check_level(level)
    metrics = list(metrics_for(scale).values())
    estimates = estimate_slice({model: runs}, scale, metrics, rng, resamples)
    return rows_of({slice: estimates}, [model], level)


def difference_rows(
    model_a: str,
    runs_a: Sequence[Judged],
    model_b: str,
    runs_b: Sequence[Judged],
    slice: str,
    scale: GradeScale,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Difference]:
    """Every metric of model a minus that of model b, under the same resamples of one slice's queries.

    Args:
        model_a: Name of the model.
        runs_a: Its runs, one per seed.
        model_b: Name of the model it is compared with.
        runs_b: Its runs; the number of seeds may differ, the pairs may not.
        slice: The slice's name.
        scale: The grades.
        rng: Draws the queries of the resamples.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ShapeError: No run, or the runs do not fit together.
        ConfigError: `level` or `resamples` is out of range, or both models have one name.
    """
    check_level(level)
    if model_a == model_b:
        raise ConfigError("differences", [f"expected two models, received {model_a!r} twice"])
    metrics = list(metrics_for(scale).values())
    estimates = estimate_slice({model_a: runs_a, model_b: runs_b}, scale, metrics, rng, resamples)
    return differences_of({slice: estimates}, model_a, model_b, level)
