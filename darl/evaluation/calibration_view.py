"""What a report says of calibration and abstention: tables, reliability curves, risk-coverage curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from darl.evaluation.calibration_rows import AFTER, BEFORE, CalibrationRow, calibration_rows
from darl.evaluation.equal_mass import Curve, reliability_curve
from darl.evaluation.judged import Judged
from darl.evaluation.selective import risk_coverage
from darl.grades import GradeScale
from darl.predictions import FloatArray

#: model -> slice -> its runs, one per seed.
Runs = Mapping[str, Mapping[str, Sequence[Judged]]]

POINTS = 50
"""Of a risk-coverage curve: every 2 % of the pairs."""


class Place(NamedTuple):
    """A model on a slice, BEFORE or AFTER calibration."""

    model: str
    slice: str
    when: str


@dataclass(frozen=True, eq=False)
class CalibrationView:
    """The models on the slices, as they are and after calibration.

    Attributes:
        rows: One for each model, slice and metric of `calibration_metrics`.
        reliability: The curve of the confidence, and then one for each grade's probability.
        risks: The error rate among the surest 2 %, 4 %, ..., 100 % of the pairs.
        calibrated: The models that have a calibration.
    """

    rows: list[CalibrationRow]
    reliability: Mapping[Place, list[Curve]]
    risks: Mapping[Place, FloatArray]
    calibrated: list[str]

    @cached_property
    def row_at(self) -> dict[tuple[str, str, str], CalibrationRow]:
        """The rows by (model, slice, metric)."""
        return {(row.model, row.slice, row.metric): row for row in self.rows}


def calibration_view(
    runs: Runs,
    calibrated: Runs,
    slices: Sequence[str],
    scale: GradeScale,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> CalibrationView:
    """Compare what models say with what is told after calibration.

    Args:
        runs: model -> slice -> its runs, one per seed.
        calibrated: The same after calibration; a model that has none is not among them.
        slices: The slices in order.
        scale: The grades.
        rng: Draws the resamples of queries; a slice's do not depend on the others.
        resamples: How many.
        level: Of the intervals.
    """
    rows, reliability, risks = [], {}, {}
    for name, seed in zip(slices, rng.integers(2**32, size=len(slices)), strict=True):

        def draws(seed: int = int(seed)) -> np.random.Generator:
            return np.random.default_rng(seed)

        for model in [model for model in runs if name in runs[model]]:
            before, after = runs[model][name], calibrated.get(model, {}).get(name, ())
            rows += calibration_rows(model, name, before, after, scale, draws(), resamples, level)
            for when, seeds in ((BEFORE, before), (AFTER, after)):
                if seeds and len(seeds[0]):
                    place = Place(model, name, when)
                    reliability[place] = [
                        reliability_curve(seeds, grade, rng=draws(), resamples=resamples, level=level)
                        for grade in (None, *range(len(scale)))
                    ]
                    risks[place] = risk_coverage(seeds, POINTS)[1]
    order = [model for model in runs if model in calibrated]
    rows.sort(key=lambda row: list(runs).index(row.model))
    return CalibrationView(rows, reliability, risks, order)


def coverages() -> FloatArray:
    """(50,) where the risks of a view are."""
    return np.arange(1, POINTS + 1) / POINTS
