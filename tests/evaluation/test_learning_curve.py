"""Learning curves: their points, what they say of the next round, and how often that is right."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from darl.errors import ShapeError
from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.learning_curve import FRESH, Ahead, LearningCurve, learning_curve
from darl.evaluation.metrics import metrics_for
from tests.evaluation.made import SCALES, judged, predicted_again

SCALE = SCALES[2]
METRICS = metrics_for(SCALE)
BUDGET = 100


def answers(rng, errors, n=200, shared=0.7, per_query=1):
    """Labels -> what a model says that is wrong with these probabilities; hard pairs are hard for all."""
    gold = rng.integers(2, size=n)
    hard = np.sqrt(shared) * rng.normal(size=n)
    runs = {}
    for labels, error in errors.items():
        wrong = hard + np.sqrt(1 - shared) * rng.normal(size=n) < norm.ppf(error)
        said = np.where(wrong, 1 - gold, gold)
        runs[labels] = judged(gold, np.where(np.eye(2)[said] > 0, 0.9, 0.1), np.arange(n) // per_query)
    return runs


def curve_of(runs, metric="accuracy", now=None, min_gain=None, resamples=200, base=100, seed=0, **more):
    ahead = Ahead(base, max(runs) if now is None else now, BUDGET, min_gain)
    return learning_curve(
        runs,
        METRICS[metric],
        SCALE,
        np.random.default_rng(seed),
        ahead=ahead,
        data=FRESH,
        resamples=resamples,
        **more,
    )


def law(labels, a, b, c, base=100):
    return {one: a + b * ((base + one) / base) ** -c for one in labels}


def test_the_points_are_those_of_the_bootstrap():
    runs = answers(np.random.default_rng(0), law([0, 100, 200], 0.1, 0.4, 1))
    curve = curve_of(runs, level=0.9)
    by_name = {str(labels): [one] for labels, one in runs.items()}
    found = estimate_slice(by_name, SCALE, [METRICS["accuracy"]], np.random.default_rng(0), 200)
    for point in curve.points:
        estimate = found[str(point.labels)]["accuracy"]
        assert (point.value, point.low, point.high) == (estimate.value, *estimate.interval(0.9)[:2])
    assert [point.labels for point in curve.points] == [0, 100, 200]
    assert curve.pairs == 200


def test_the_estimate_is_that_of_the_fitted_curve():
    runs = answers(np.random.default_rng(1), law([0, 100, 200, 300], 0.1, 0.4, 1), n=2000)
    curve = curve_of(runs)
    ahead = curve.forecast
    assert ahead.labels == 400
    assert ahead.value == pytest.approx(1 - curve.fit.error(400))
    assert ahead.gain == pytest.approx(curve.fit.error(300) - curve.fit.error(400))
    assert 0 <= ahead.gain_low <= ahead.gain <= ahead.gain_high
    assert ahead.low <= ahead.value <= ahead.high
    assert ahead.value == pytest.approx(1 - (0.1 + 0.4 / 5), abs=0.03)


def test_labels_that_no_model_was_judged_with_yet_are_counted():
    """On fresh pairs the last point lies a round back."""
    runs = answers(np.random.default_rng(1), law([0, 100, 200], 0.1, 0.4, 1), n=2000)
    curve = curve_of(runs, now=300)
    assert curve.forecast.labels == 400
    assert curve.forecast.gain == pytest.approx(curve.fit.error(300) - curve.fit.error(400))


@pytest.mark.parametrize(
    ("a", "b", "c"), [(0.2, 0.3, 0.3), (0.2, 0.3, 1.0), (0.1, 0.3, 3.0), (0.3, 0.0, 1.0)]
)
def test_the_interval_covers_the_gain_about_as_often_as_it_says(a, b, c):
    errors = law([0, 100, 200, 300, 400], a, b, c)
    *_, now, ahead = errors.values()
    gain, rng = now - ahead, np.random.default_rng(7)
    hits = 0
    for seed in range(60):
        runs = answers(rng, {labels: errors[labels] for labels in (0, 100, 200, 300)}, n=150)
        found = curve_of(runs, resamples=100, seed=seed).forecast
        hits += found.gain_low - 1e-9 <= gain <= found.gain_high + 1e-9
    assert hits >= 0.83 * 60


def test_the_chance_tells_flat_from_steep():
    rng = np.random.default_rng(3)
    labels = [0, 100, 200, 300]
    flat = curve_of(answers(rng, dict.fromkeys(labels, 0.3), n=3000), min_gain=0.02)
    steep = curve_of(answers(rng, law(labels, 0.05, 0.5, 0.4), n=3000), min_gain=0.005)
    assert flat.forecast.chance > 0.95
    assert steep.forecast.chance < 0.05
    assert curve_of(answers(rng, dict.fromkeys(labels, 0.3))).forecast.chance is None


def test_what_gets_worse_is_not_said_to_get_better():
    runs = answers(np.random.default_rng(0), {0: 0.1, 100: 0.25, 200: 0.4}, n=1000)
    ahead = curve_of(runs, min_gain=0.001).forecast
    assert (ahead.gain, ahead.chance) == (0, 1)


def test_where_smaller_is_better_a_gain_is_still_positive():
    runs = answers(np.random.default_rng(0), law([0, 100, 200], 0.1, 0.4, 1), n=1000)
    curve = curve_of(runs, "brier")
    values = [point.value for point in curve.points]
    assert values == sorted(values, reverse=True)
    assert curve.forecast.gain > 0
    assert curve.forecast.value < values[-1]
    assert curve.forecast.value == pytest.approx(curve.fit.error(300))


def test_two_points_are_no_curve():
    curve = curve_of(answers(np.random.default_rng(0), {0: 0.3, 100: 0.2}), min_gain=0.1)
    assert curve.fit is None
    assert curve.forecast == (200, None, None, None, None, None, None, None, curve.forecast.reason)
    assert curve.forecast.reason == "no estimate: a curve takes 3 points, and there are 2"
    assert len(curve.points) == 2


def test_an_undefined_metric_is_no_curve():
    ones = judged(np.ones(20, int), np.tile([0.4, 0.6], (20, 1)), np.arange(20))
    curve = curve_of({0: ones, 100: ones, 200: ones}, "f1:a")
    assert curve.fit is None
    assert curve.forecast.reason == "no estimate: gold has no pair of grade 'a'"
    assert [point.value for point in curve.points] == [None] * 3


def test_a_single_query_gives_a_value_and_no_interval():
    runs = answers(np.random.default_rng(0), law([0, 100, 200], 0.1, 0.4, 1), n=50, per_query=50)
    ahead = curve_of(runs, min_gain=0.1).forecast
    assert ahead.gain is not None
    assert (ahead.gain_low, ahead.gain_high, ahead.chance) == (None, None, None)
    assert "a single query cannot be resampled" in ahead.reason


def test_the_same_seed_gives_the_same_curve_and_json_holds_it():
    runs = answers(np.random.default_rng(0), law([0, 100, 200], 0.1, 0.4, 1))
    curve = curve_of(runs, min_gain=0.01)
    assert curve == curve_of(runs, min_gain=0.01)
    assert LearningCurve.from_dict(json.loads(json.dumps(curve.as_dict()))) == curve
    few = curve_of({0: runs[0]})
    assert LearningCurve.from_dict(few.as_dict()) == few


def test_models_are_judged_on_the_same_pairs():
    rng = np.random.default_rng(0)
    first, second = (answers(rng, {0: 0.2})[0] for _ in range(2))
    with pytest.raises(ShapeError, match="same pairs"):
        curve_of({0: first, 100: predicted_again(rng, first), 200: second})
