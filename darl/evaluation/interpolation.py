"""The line between two models, judged point by point, and which point is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.comparison import rounded
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric
from darl.evaluation.numerals import interval, listed, number
from darl.evaluation.rows import Row, rows_of
from darl.grades import GradeScale


class Point(NamedTuple):
    """A model (1 - alpha) first + alpha second, as it does on each part of validation.

    Attributes:
        alpha: Where it lies, in [0, 1].
        rows: The metric on each part, with its interval.
        mean: Mean of the parts' values; None where one is undefined.
    """

    alpha: float
    rows: tuple[Row, ...]
    mean: float | None


class AlphaCurve(NamedTuple):
    """The line between two models.

    Attributes:
        first: The model at alpha = 0.
        second: The model at alpha = 1.
        metric: What alpha is chosen by.
        points: By rising alpha.
        chosen: The alpha that is taken.
        reason: Why, in a sentence.
    """

    first: str
    second: str
    metric: str
    points: tuple[Point, ...]
    chosen: float
    reason: str

    @property
    def parts(self) -> list[str]:
        """The parts of validation."""
        return [row.slice for row in self.points[0].rows]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        points = [
            {
                "alpha": one.alpha,
                "mean": rounded(one.mean),
                "rows": [{key: rounded(value) for key, value in row._asdict().items()} for row in one.rows],
            }
            for one in self.points
        ]
        return {**self._asdict(), "points": points}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> AlphaCurve:
        """What `as_dict` gave."""
        points = tuple(
            Point(one["alpha"], tuple(Row(**row) for row in one["rows"]), one["mean"])
            for one in fields["points"]
        )
        return cls(**{**fields, "points": points})


def alpha_curve(
    runs: Mapping[str, Mapping[float, Judged]],
    scale: GradeScale,
    metric: Metric,
    rng: np.random.Generator,
    *,
    ends: tuple[str, str],
    resamples: int = 1000,
    level: float = 0.95,
) -> AlphaCurve:
    """Judge the points of a line, and take the one whose mean over the parts of validation is best.

    Each part counts the same, whatever its size: in distribution and out of it together. Of equal points the
    one nearest to the second model is taken.

    Args:
        runs: part of validation -> alpha -> what the model at alpha says of it.
        scale: The grades.
        metric: What alpha is chosen by.
        rng: Draws the resamples of queries; all points see the same.
        ends: What the models at alpha 0 and 1 are called.
        resamples: How many resamples.
        level: Level of the intervals.
    """
    rows: dict[float, list[Row]] = {}
    for (part, by_alpha), own in zip(runs.items(), rng.spawn(len(runs)), strict=True):
        models = {f"{alpha:g}": [judged] for alpha, judged in by_alpha.items()}
        found = rows_of({part: estimate_slice(models, scale, [metric], own, resamples)}, list(models), level)
        for alpha, row in zip(by_alpha, found, strict=True):
            rows.setdefault(alpha, []).append(row)
    points = tuple(Point(alpha, tuple(of), _mean(of)) for alpha, of in sorted(rows.items()))
    chosen, reason = _choose(points, metric, list(runs))
    return AlphaCurve(*ends, metric.name, points, chosen, reason)


def _mean(rows: Sequence[Row]) -> float | None:
    values = [row.value for row in rows]
    return None if None in values else float(np.mean([value for value in values if value is not None]))


def _choose(points: Sequence[Point], metric: Metric, parts: list[str]) -> tuple[float, str]:
    if len(points) == 1:
        return points[0].alpha, "the only alpha that was asked for"
    known = [one for one in points if one.mean is not None]
    if not known:
        return points[-1].alpha, f"{metric.name} is undefined on {listed(parts)}: nothing is interpolated"
    sign = 1 if metric.larger_is_better else -1
    best = max(known, key=lambda one: (sign * (one.mean or 0.0), one.alpha))
    over = f"mean of {metric.name} over {listed(parts)}" if len(parts) > 1 else f"{metric.name} on {parts[0]}"
    return best.alpha, f"best {over}: {number(best.mean)}"


def point_cells(point: Point) -> list[str]:
    """A point as a line of a table: alpha, each part with its interval, and their mean."""
    parts = [f"{number(row.value)} {interval(row.low, row.high)}".rstrip() for row in point.rows]
    return [f"{point.alpha:g}", *parts, number(point.mean)]
