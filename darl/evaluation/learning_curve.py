"""What labels have brought, round by round, and what the next ones would bring: is another round worth it?

The models before and after each round are judged on the same pairs, none of which any of them has learnt
from. A power law is fitted to their errors, and to those under each resample of queries: the spread of what
the fits say of the next round is the interval. It says how far the estimate would move with other queries,
not with another training or another selection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric
from darl.evaluation.power_law import MIN_POINTS, PowerLaw, fit_power_law
from darl.grades import GradeScale
from darl.predictions import FloatArray

# Held-out pairs like the training ones, and the pool pairs that were graded last.
VALID, FRESH = "valid", "fresh"


class Point(NamedTuple):
    """How good the model is after so many labels.

    Attributes:
        labels: Selected labels that it has learnt from.
        value: The metric; None where it is undefined.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        reason: Why a number is None, or what the value leaves out; else "".
    """

    labels: int
    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


class Forecast(NamedTuple):
    """What the next round would bring.

    Attributes:
        labels: Labels after it.
        value: The metric then, on the fitted curve; None without a curve.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        gain: How much better than now, on the fitted curve: >= 0, also where smaller values are better.
        gain_low: Lower end of its interval.
        gain_high: Upper end.
        chance: Share of the resamples in which the gain is below the one that was asked about; None where
            none was, or where there is no interval.
        reason: Why there is no estimate, or no interval; else "".
    """

    labels: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    chance: float | None = None
    reason: str = ""


class Ahead(NamedTuple):
    """The round that is asked about.

    Attributes:
        base: Graded pairs, at least 1, that were there before any was selected.
        now: Selected labels that there are.
        budget: Labels that it would add.
        min_gain: Gain of the metric that it should bring; None where nothing is asked of it.
    """

    base: int
    now: int
    budget: int
    min_gain: float | None = None


class Fit(NamedTuple):
    """error = a + b (n / start)^-c, where n = base + labels; see power_law.py.

    Attributes:
        base: Graded pairs that the model had before the first label was selected.
        start: n of the first point.
        a: The error that stays.
        b: The error at the first point above it.
        c: The rate.
    """

    base: int
    start: float
    a: float
    b: float
    c: float

    def error(self, labels: float) -> float:
        """The error after so many labels."""
        return self.a + self.b * float(((self.base + labels) / self.start) ** -self.c)


class LearningCurve(NamedTuple):
    """A metric after each number of labels, and what comes next.

    Attributes:
        data: "valid" or "fresh": the pairs it is measured on.
        pairs: How many they are.
        metric: The metric's name.
        points: The models, by labels.
        fit: The fitted curve; None where there are too few points for one.
        forecast: What the next round would bring.
    """

    data: str
    pairs: int
    metric: str
    points: tuple[Point, ...]
    fit: Fit | None
    forecast: Forecast

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> LearningCurve:
        """What `as_dict` gave."""
        return cls(
            **{
                **fields,
                "points": tuple(Point(**one) for one in fields["points"]),
                "fit": None if fields["fit"] is None else Fit(**fields["fit"]),
                "forecast": Forecast(**fields["forecast"]),
            }
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            **self._asdict(),
            "points": [one._asdict() for one in self.points],
            "fit": None if self.fit is None else self.fit._asdict(),
            "forecast": self.forecast._asdict(),
        }


def learning_curve(
    runs: Mapping[int, Judged],
    metric: Metric,
    scale: GradeScale,
    rng: np.random.Generator,
    *,
    ahead: Ahead,
    data: str,
    resamples: int = 1000,
    level: float = 0.95,
) -> LearningCurve:
    """The curve through models that were trained on more and more labels.

    Args:
        runs: By the number of selected labels it has learnt from, increasing, what a model says of the same
            pairs. None of the models has learnt from these pairs.
        metric: How good it is.
        scale: The grades.
        rng: Draws the queries of the resamples; all models see the same ones.
        ahead: What comes after.
        data: What the pairs are, "valid" or "fresh".
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ShapeError: The runs are not about the same pairs.
    """
    by_labels = {str(labels): [judged] for labels, judged in runs.items()}
    found = estimate_slice(by_labels, scale, [metric], rng, resamples)
    estimates = {labels: found[str(labels)][metric.name] for labels in runs}
    fit, forecast = None, Forecast(ahead.now + ahead.budget, reason=_lack(list(estimates.values())))
    if not forecast.reason:
        n = np.array([ahead.base + labels for labels in estimates], dtype=np.float64)
        curves = fit_power_law(n, _errors(list(estimates.values()), metric))
        fit = Fit(ahead.base, curves.start, *(float(one[0]) for one in (curves.a, curves.b, curves.c)))
        reason = next(iter(estimates.values())).reason
        forecast = _forecast(curves, metric, ahead, level, reason)
    return LearningCurve(
        data=data,
        pairs=len(next(iter(runs.values()))),
        metric=metric.name,
        points=tuple(_point(labels, one, level) for labels, one in estimates.items()),
        fit=fit,
        forecast=forecast,
    )


def value_of(metric: Metric, error: FloatArray) -> FloatArray:
    """The metric at errors: its distance from 1, or from 0 where smaller is better. Its own inverse."""
    return 1 - error if metric.larger_is_better else error


def _lack(estimates: Sequence[Estimate]) -> str:
    """Why no curve goes through the points; "" where one does."""
    undefined = [one.reason for one in estimates if one.value is None]
    if undefined:
        return f"no estimate: {undefined[0]}"
    if len(estimates) < MIN_POINTS:
        return f"no estimate: a curve takes {MIN_POINTS} points, and there are {len(estimates)}"
    return ""


def _errors(estimates: Sequence[Estimate], metric: Metric) -> FloatArray:
    """(1 + R, P) errors: first those of the values, then those of each resample, NaN where undefined."""
    values = np.array([one.value for one in estimates], dtype=np.float64)
    replicates = np.stack([one.replicates for one in estimates], axis=1)
    errors: FloatArray = np.maximum(value_of(metric, np.vstack([values, replicates])), 0)
    return errors


def _forecast(curves: PowerLaw, metric: Metric, ahead: Ahead, level: float, reason: str) -> Forecast:
    now = ahead.base + ahead.now
    after = curves(now + ahead.budget)
    gains = curves(now) - after
    value, gain = (
        Estimate(float(rows[0]), (), rows[1:], len(rows), reason) for rows in (value_of(metric, after), gains)
    )
    low, high, reason = value.interval(level)
    gain_low, gain_high, _ = gain.interval(level)
    chance = None
    if ahead.min_gain is not None and gain_low is not None:
        defined = gain.replicates[np.isfinite(gain.replicates)]
        chance = float((defined < ahead.min_gain).mean())
    return Forecast(
        ahead.now + ahead.budget, value.value, low, high, gain.value, gain_low, gain_high, chance, reason
    )


def _point(labels: int, estimate: Estimate, level: float) -> Point:
    low, high, reason = estimate.interval(level)
    return Point(labels, estimate.value, low, high, reason)
