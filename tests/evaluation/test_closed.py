"""The share of a distance that is closed, beside a naive computation."""

import numpy as np
import pytest

from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.closed import NO_DISTANCE, share_closed
from darl.evaluation.estimate import Estimate
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.metrics import metrics_for
from tests.evaluation.made import SCALES, predicted_again, random_judged

ECE = metrics_for(SCALES[3])["ece"]


def made(values, point=None):
    values = np.asarray(values, dtype=np.float64)
    return Estimate(float(values.mean()) if point is None else point, (), values, 10)


def test_it_is_a_ratio_of_differences_resample_by_resample():
    rng = np.random.default_rng(0)
    gold = random_judged(rng, 400, 3, 60)
    runs = {name: [predicted_again(rng, gold, skill) for skill in (of, of + 0.1)] for name, of in
            {"floor": 0.2, "own": 0.8, "ceiling": 2.0}.items()}  # fmt: skip
    found = estimate_slice(runs, SCALES[3], [MACRO_F1], np.random.default_rng(1), 300, over_seeds=True)
    own, floor, ceiling = (found[name]["macro_f1"] for name in ("own", "floor", "ceiling"))
    share = share_closed(own, floor, ceiling, MACRO_F1, 0.9)
    naive = [
        (own.replicates[i] - floor.replicates[i]) / (ceiling.replicates[i] - floor.replicates[i])
        for i in range(300)
    ]
    assert share.value == pytest.approx((own.value - floor.value) / (ceiling.value - floor.value))
    assert share.interval(0.9)[:2] == pytest.approx(np.quantile(naive, [0.05, 0.95]))
    assert 0 < share.value < 1


@pytest.mark.parametrize(("own", "expected"), [("floor", 0.0), ("ceiling", 1.0)])
def test_the_ends(own, expected):
    ends = {"floor": made([0.4, 0.5, 0.45]), "ceiling": made([0.6, 0.65, 0.7])}
    share = share_closed(ends[own], ends["floor"], ends["ceiling"], MACRO_F1, 0.95)
    assert share.value == pytest.approx(expected)
    np.testing.assert_allclose(share.replicates, expected)


def test_below_the_floor_it_is_negative_and_above_the_ceiling_more_than_one():
    floor, ceiling = made([0.4, 0.4]), made([0.6, 0.6])
    assert share_closed(made([0.3, 0.3]), floor, ceiling, MACRO_F1, 0.95).value == pytest.approx(-0.5)
    assert share_closed(made([0.7, 0.7]), floor, ceiling, MACRO_F1, 0.95).value == pytest.approx(1.5)


def test_where_less_is_better_the_way_goes_down():
    floor, ceiling = made([0.4, 0.5]), made([0.1, 0.2])
    assert share_closed(made([0.25, 0.35]), floor, ceiling, ECE, 0.95).value == pytest.approx(0.5)
    assert share_closed(made([0.25, 0.35]), floor, ceiling, MACRO_F1, 0.95).reason == NO_DISTANCE


def test_a_ceiling_within_noise_is_no_distance():
    share = share_closed(made([0.5, 0.5]), made([0.4, 0.5]), made([0.6, 0.4]), MACRO_F1, 0.95)
    assert (share.value, share.reason) == (None, NO_DISTANCE)
    assert share.interval(0.95) == (None, None, NO_DISTANCE)


def test_resamples_without_a_distance_are_left_out():
    rng = np.random.default_rng(2)
    way = np.concatenate([rng.uniform(0.1, 0.2, 990), np.full(10, -0.1)])
    share = share_closed(made(way / 2, 0.075), made(np.zeros(1000), 0.0), made(way, 0.15), MACRO_F1, 0.95)
    assert np.isnan(share.replicates[990:]).all()
    assert share.interval(0.95)[:2] == pytest.approx((0.5, 0.5))


def test_without_an_interval_nothing_is_said():
    nothing = Estimate(0.4, (), np.full(3, np.nan), 5, "no interval: a single query cannot be resampled")
    share = share_closed(nothing, nothing, made([0.6, 0.7, 0.8]), MACRO_F1, 0.95)
    assert share.value is None
    assert "single query" in share.reason
