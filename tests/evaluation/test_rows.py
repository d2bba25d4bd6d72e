import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.errors import ConfigError, ShapeError
from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.metrics import metrics_for
from darl.evaluation.rows import Difference, difference_rows, differences_of, metric_rows, rows_of, with_gaps
from tests.evaluation.made import SCALES, judged, predicted_again, random_judged
from tests.evaluation.made import rows_of as pairs_of

SCALE = SCALES[3]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_rows_name_every_metric_once_with_an_interval_around_the_value():
    one = random_judged(rng(), 600, 3, 100)
    rows = metric_rows("m", "far_ood", [one], SCALE, rng(), resamples=300)
    assert [row.metric for row in rows] == list(metrics_for(SCALE))
    for row in rows:
        assert (row.model, row.slice) == ("m", "far_ood")
        assert row.low < row.value < row.high
    assert {row.n for row in rows if row.metric not in ("ndcg@10", "pairwise")} == {600}


def test_a_wider_level_is_a_wider_interval():
    one = random_judged(rng())
    narrow, wide = (
        {row.metric: row.high - row.low for row in metric_rows("m", "s", [one], SCALE, rng(), 200, level)}
        for level in (0.5, 0.99)
    )
    assert all(wide[name] > narrow[name] for name in wide)


def test_the_same_generator_gives_the_same_rows_whatever_the_order_of_pairs():
    one = random_judged(rng())
    turned = pairs_of(one, rng(1).permutation(len(one)))
    rows, again = (metric_rows("m", "s", [pairs], SCALE, rng(2), 100) for pairs in (one, turned))
    for row, other in zip(rows, again, strict=True):
        assert (row.value, row.low, row.high) == pytest.approx((other.value, other.low, other.high))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.floats(-1, 3))
def test_differences_turn_around_with_the_models(seed, skill):
    generator = rng(seed)
    one = random_judged(generator, 40, 3, 8)
    other = predicted_again(generator, one, skill)
    there = difference_rows("a", [one], "b", [other], "s", SCALE, rng(seed), 60)
    back = difference_rows("b", [other], "a", [one], "s", SCALE, rng(seed), 60)
    for found, turned in zip(there, back, strict=True):
        assert (found.value is None) == (turned.value is None)
        assert (found.low is None) == (turned.low is None)
        if found.value is not None:
            assert found.value == pytest.approx(-turned.value)
        if found.low is not None:
            assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))
            assert found.significant == turned.significant


def test_differences_are_paired():
    """Two models that agree on all but one query differ far more surely than two samples would."""
    generator = rng(3)
    one = random_judged(generator, 900, 3, 150, 1.0)
    probs = one.predictions.grade_probs.copy()
    changed = one.query_rows == 0
    probs[changed] = np.eye(3)[one.grades[changed]]
    better = judged(one.grades, probs, [query[1:] for query in one.query_ids])
    (found,) = [
        row
        for row in difference_rows("a", [better], "b", [one], "s", SCALE, rng(), 300)
        if row.metric == "accuracy"
    ]
    alone = next(row for row in metric_rows("b", "s", [one], SCALE, rng(), 300) if row.metric == "accuracy")
    assert found.high - found.low < (alone.high - alone.low) / 3
    assert found.low >= 0


def test_seeds_may_differ_in_number_between_models():
    generator = rng(4)
    one = random_judged(generator)
    seeds = [predicted_again(generator, one) for _ in range(3)]
    rows = difference_rows("a", seeds, "b", [one], "s", SCALE, rng(), 50)
    expected = np.mean([np.mean(seed.predictions.grades == seed.grades) for seed in seeds])
    expected -= np.mean(one.predictions.grades == one.grades)
    assert {row.metric: row.value for row in rows}["accuracy"] == pytest.approx(expected)


class TestGaps:
    def slices(self):
        generator, metrics = rng(5), list(metrics_for(SCALE).values())
        found = {}
        for seed, (name, skill) in enumerate({"in_dist": 2.0, "near_ood": 1.0, "far_ood": 0.2}.items()):
            one = random_judged(generator, 500, 3, 80, skill)
            runs = {"a": [one], "b": [predicted_again(generator, one, 2.0)]}
            found[name] = estimate_slice(runs, SCALE, metrics, rng(seed), 200)
        return found

    def test_a_gap_is_in_dist_minus_the_slice(self):
        rows = {(row.slice, row.metric): row for row in rows_of(with_gaps(self.slices()), ["a"], 0.95)}
        assert [name for name, metric in rows if metric == "qwk"] == [
            "in_dist",
            "near_ood",
            "far_ood",
            "gap:near_ood",
            "gap:far_ood",
        ]
        for metric in metrics_for(SCALE):
            gap, inside, outside = (rows[name, metric] for name in ("gap:far_ood", "in_dist", "far_ood"))
            assert gap.value == pytest.approx(inside.value - outside.value)
            # Independent samples: the widths add as squares, roughly.
            width = np.hypot(inside.high - inside.low, outside.high - outside.low)
            assert gap.high - gap.low == pytest.approx(width, rel=0.3)
        assert rows["gap:far_ood", "macro_f1"].low > 0
        assert rows["gap:far_ood", "brier"].high < 0

    def test_gaps_have_differences_too(self):
        found = differences_of(with_gaps(self.slices()), "b", "a", 0.95)
        values = {(row.slice, row.metric): row.value for row in found}
        for metric in metrics_for(SCALE):
            expected = values["in_dist", metric] - values["far_ood", metric]
            assert values["gap:far_ood", metric] == pytest.approx(expected)

    def test_without_in_dist_there_are_none(self):
        slices = self.slices()
        del slices["in_dist"]
        assert list(with_gaps(slices)) == ["near_ood", "far_ood"]

    def test_a_model_that_was_not_judged_in_distribution_has_none(self):
        slices = self.slices()
        del slices["in_dist"]["b"]
        assert list(with_gaps(slices)["gap:far_ood"]) == ["a"]


@pytest.mark.parametrize(
    ("low", "high", "significant"),
    [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 0.1, False), (None, None, False)],
)
def test_significant_leaves_out_0(low, high, significant):
    assert Difference("a", "b", "s", "m", 0.1, low, high, 3).significant is significant


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_out_of_range_is_refused(level):
    with pytest.raises(ConfigError, match=r"level: expected 0 < level < 1 \(0.95 is usual\)"):
        metric_rows("m", "s", [random_judged(rng())], SCALE, rng(), level=level)


def test_faults_of_differences():
    one = random_judged(rng())
    with pytest.raises(ConfigError, match="two models"):
        difference_rows("a", [one], "a", [one], "s", SCALE, rng())
    with pytest.raises(ShapeError, match="b: expected the query_ids of a"):
        difference_rows("a", [one], "b", [random_judged(rng(9))], "s", SCALE, rng())
