"""The lines of a calibration table: each metric before and after, and the paired change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.calibration_metrics import calibration_metrics
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import Judged
from darl.evaluation.rows import check_level, leaves_out_zero
from darl.grades import GradeScale

BEFORE, AFTER = "before", "after"
NO_CALIBRATION = "the model has no calibration"
NO_ANSWER = "no pair is answered"


class Spread(NamedTuple):
    """A value and the ends of its interval over resamples of queries; None where there is none."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, estimate: Estimate, level: float) -> Spread:
        """An estimate with its interval."""
        return cls(estimate.value, *estimate.interval(level)[:2])


class CalibrationRow(NamedTuple):
    """A metric of a model on a slice, as the model says it and after calibration; means over seeds.

    Attributes:
        model: The model.
        slice: The slice.
        metric: The metric's name.
        before: Of what the model itself says.
        after: Of what is told after calibration.
        change: After - before, on the same resamples.
        n: Pairs.
        reason: Why a number is None; else "".
    """

    model: str
    slice: str
    metric: str
    before: Spread
    after: Spread
    change: Spread
    n: int
    reason: str = ""

    @property
    def significant(self) -> bool:
        """Whether the interval of the change leaves out 0."""
        return leaves_out_zero(self.change.low, self.change.high)


def calibration_rows(
    model: str,
    slice: str,
    before: Sequence[Judged],
    after: Sequence[Judged],
    scale: GradeScale,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[CalibrationRow]:
    """Every metric of `calibration_metrics` for one model on one slice.

    Args:
        model: The model's name.
        slice: The slice's name.
        before: What the model says, one for each seed.
        after: The same pairs after calibration; empty for a model that has none.
        scale: The grades.
        rng: Draws the queries of the resamples, the same for before and after.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ShapeError: No run, or the runs do not fit together.
        ConfigError: `level` or `resamples` is out of range.
    """
    check_level(level)
    runs = {BEFORE: before} | ({AFTER: after} if after else {})
    found = estimate_slice(runs, scale, list(calibration_metrics(scale).values()), rng, resamples)
    return [
        _row(model, slice, name, estimate, _defined(found[AFTER][name]) if after else _none(estimate), level)
        for name, estimate in found[BEFORE].items()
    ]


def _defined(estimate: Estimate) -> Estimate:
    """The same with None for a value that is not a number: only a rule that answers no pair gives such."""
    if estimate.value is None or np.isfinite(estimate.value):
        return estimate
    return replace(estimate, value=None, by_seed=(), reason=NO_ANSWER)


def _none(estimate: Estimate) -> Estimate:
    nothing = np.full(len(estimate.replicates), np.nan)
    return Estimate(None, (), nothing, estimate.n, estimate.reason or NO_CALIBRATION)


def _row(
    model: str, slice: str, metric: str, before: Estimate, after: Estimate, level: float
) -> CalibrationRow:
    change = after.minus(before)
    spreads = (Spread.of(before, level), Spread.of(after, level), Spread.of(change, level))
    return CalibrationRow(model, slice, metric, *spreads, before.n, change.interval(level).reason)
