import numpy as np
import pytest

from darl.errors import ConfigError, ShapeError
from darl.evaluation.bootstrap import estimate_slice, query_counts
from darl.evaluation.estimate import Estimate, mean_of
from darl.evaluation.metrics import metrics_for
from tests.evaluation.made import SCALES, duplicated, judged, predicted_again, random_judged

METRICS = list(metrics_for(SCALES[3]).values())


def counts_of(n_queries, resamples, seed):
    return np.concatenate(list(query_counts(n_queries, resamples, np.random.default_rng(seed))), axis=1)


def estimate(runs, seed=0, resamples=50, **more):
    return estimate_slice(runs, SCALES[3], METRICS, np.random.default_rng(seed), resamples, **more)


def test_a_resample_draws_as_many_queries_as_there_are():
    counts = counts_of(7, 100, 0)
    assert counts.shape == (7, 100)
    assert (counts.sum(axis=0) == 7).all()
    assert (counts >= 0).all()


def test_every_query_is_drawn_as_often_as_chance_says():
    counts = counts_of(20, 5000, 1)
    # Each count is binomial(20, 1/20): mean 1, variance 0.95.
    np.testing.assert_allclose(counts.mean(axis=1), 1, atol=0.06)
    np.testing.assert_allclose(counts.var(axis=1), 0.95, atol=0.1)


def test_more_resamples_begin_with_the_same_ones():
    np.testing.assert_array_equal(counts_of(9, 100, 2)[:, :70], counts_of(9, 70, 2))


def test_replicates_are_the_metric_of_each_resample_written_out():
    rng = np.random.default_rng(3)
    one = random_judged(rng, 80, 3, 15)
    found = estimate({"a": [one]}, seed=4, resamples=40)["a"]
    columns = counts_of(one.n_queries, 40, 4).T
    for metric in METRICS:
        expected = [metric.value(duplicated(one, column)) for column in columns]
        np.testing.assert_allclose(found[metric.name].replicates, expected, atol=1e-9, err_msg=metric.name)


def test_seeds_are_averaged_within_a_resample():
    rng = np.random.default_rng(5)
    one = random_judged(rng)
    seeds = [predicted_again(rng, one, skill) for skill in (0.5, 1.0, 3.0)]
    together = estimate({"a": seeds})["a"]
    apart = [estimate({"a": [seed]})["a"] for seed in seeds]
    for name, found in together.items():
        assert found.by_seed == tuple(other[name].value for other in apart)
        assert found.value == pytest.approx(np.mean(found.by_seed))
        np.testing.assert_allclose(
            found.replicates, np.mean([other[name].replicates for other in apart], axis=0)
        )


def test_seeds_too_are_drawn_where_that_is_asked_for():
    """The same seeds for every model, beside the same queries as ever; written out by a loop."""
    rng = np.random.default_rng(5)
    one = random_judged(rng)
    runs = {model: [predicted_again(rng, one, skill) for skill in (0.5, 1.0, 3.0)] for model in "ab"}
    found, plain = estimate(runs, over_seeds=True), estimate(runs)
    draws = np.concatenate(list(query_counts(3, 50, np.random.default_rng(0).spawn(1)[0])), axis=1)
    for model, seeds in runs.items():
        apart = [estimate({"x": [seed]})["x"] for seed in seeds]
        for name, estimated in found[model].items():
            assert estimated.value == plain[model][name].value
            expected = []
            for i in range(50):
                drawn = [seed for seed in range(3) for _ in range(int(draws[seed, i]))]
                expected.append(np.mean([apart[seed][name].replicates[i] for seed in drawn]))
            np.testing.assert_allclose(estimated.replicates, expected, err_msg=name)
    wider = found["a"]["brier"].replicates.var() / plain["a"]["brier"].replicates.var()
    assert wider > 1.5  # the three seeds are far apart


def test_slices_can_share_the_draws_of_seeds():
    """A gap is then of the very same models on both slices."""
    rng = np.random.default_rng(8)
    near, far = random_judged(rng, 40, 3, 8), random_judged(rng, 90, 3, 20)
    drawn = []
    for place in (near, far):
        runs = {"a": [predicted_again(rng, place, skill) for skill in (0.0, 5.0)]}
        drawn_by = np.random.default_rng(1)
        found = estimate(runs, over_seeds=True, seed_rng=drawn_by)["a"]["accuracy"]
        weaker, better = found.by_seed
        drawn.append(np.round((found.replicates - weaker) / (better - weaker) * 2))
    counts = np.concatenate(list(query_counts(2, 50, np.random.default_rng(1))), axis=1)
    for one in drawn:
        assert np.corrcoef(one, counts[1])[0, 1] > 0.9


def test_of_one_seed_nothing_can_be_drawn():
    one = random_judged(np.random.default_rng(6))
    found, plain = estimate({"a": [one]}, over_seeds=True), estimate({"a": [one]})
    for name in plain["a"]:
        np.testing.assert_array_equal(found["a"][name].replicates, plain["a"][name].replicates)


def test_models_see_the_same_resamples():
    one = random_judged(np.random.default_rng(6))
    found = estimate({"a": [one], "b": [one]})
    for name in found["a"]:
        difference = found["a"][name].minus(found["b"][name])
        assert difference.value == 0
        assert not difference.replicates.any()


def test_interval_of_a_mean_is_that_of_normal_theory():
    rng = np.random.default_rng(7)
    one = random_judged(rng, 3000, 3, 600, 1.0)
    found = estimate({"a": [one]}, resamples=2000)["a"]["brier"]
    # Delta method for a ratio of sums over clusters.
    errors = ((one.predictions.grade_probs - np.eye(3)[one.grades]) ** 2).sum(axis=1)
    residuals = np.bincount(one.query_rows, errors - errors.mean())
    half = 1.96 * np.sqrt((residuals**2).sum()) / len(one)
    low, high, _ = found.interval(0.95)
    assert low == pytest.approx(errors.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(errors.mean() + half, abs=0.1 * half)


def test_pairs_of_a_query_count_as_one_draw():
    # 40 pairs of 2 queries, one all right and one all wrong: accuracy is 0, 0.5 or 1, nothing between.
    one = judged([0] * 40, [[1, 0, 0]] * 20 + [[0, 1, 0]] * 20, np.arange(40) // 20)
    found = estimate({"a": [one]}, resamples=300)["a"]["accuracy"]
    assert sorted(set(found.replicates)) == [0, 0.5, 1]


def test_resamples_without_the_grade_are_undefined_and_dropped():
    one = judged([0, 0, 0, 2], [[1, 0, 0]] * 3 + [[0, 0, 1]], np.arange(4))
    found = estimate({"a": [one]}, resamples=400)["a"]["f1:c"]
    drawn = counts_of(4, 400, 0)[3] > 0
    np.testing.assert_array_equal(np.isfinite(found.replicates), drawn)
    assert found.interval(0.95)[:2] == (1.0, 1.0)


def test_one_query_gives_a_value_and_no_interval():
    one = judged([0, 2], [[0.9, 0.1, 0], [0, 0.1, 0.9]], [0, 0])
    found = estimate({"a": [one]})["a"]
    assert found["accuracy"].value == 1
    assert found["accuracy"].interval(0.95) == (None, None, "no interval: a single query cannot be resampled")


def test_one_grade_leaves_the_rest_undefined_with_a_reason():
    one = judged([1, 1, 1], [[0.2, 0.6, 0.2]] * 3)
    found = estimate({"a": [one]})["a"]
    undefined = {name for name, estimate_ in found.items() if estimate_.value is None}
    assert undefined == {"qwk", "auc>=c", "auc>=b", "f1:a", "f1:c", "pairwise"}
    assert all(found[name].reason and found[name].by_seed == () for name in undefined)


def test_no_pairs():
    found = estimate({"a": [judged([], np.empty((0, 3)))]})["a"]
    assert {estimate_.value for estimate_ in found.values()} == {None}


def test_faults():
    one = random_judged(np.random.default_rng(0))
    with pytest.raises(ConfigError, match="resamples: expected at least 1, received 0"):
        estimate({"a": [one]}, resamples=0)
    with pytest.raises(ConfigError, match="seeds: expected as many of every model, received"):
        estimate({"a": [one], "b": [one, one]}, over_seeds=True)
    with pytest.raises(ShapeError, match="at least one"):
        estimate({"a": []})
    with pytest.raises(ShapeError, match="b: expected the query_ids of a"):
        estimate({"a": [one], "b": [random_judged(np.random.default_rng(1))]})
    with pytest.raises(ShapeError, match="a, seed 1: expected the query_ids of a, seed 0"):
        estimate({"a": [one, random_judged(np.random.default_rng(1))]})


class TestEstimate:
    def of(self, value, replicates, n=10, reason=""):
        return Estimate(value, (), np.array(replicates, dtype=float), n, reason)

    def test_interval_is_that_of_the_percentiles(self):
        assert self.of(50, range(101)).interval(0.9)[:2] == pytest.approx((5, 95))

    def test_undefined_resamples_do_not_count(self):
        assert self.of(1, [1, 3, np.nan]).interval(0.5)[:2] == (1.5, 2.5)

    def test_fewer_than_half_defined_is_no_interval(self):
        low, high, reason = self.of(1, [1, np.nan, np.nan]).interval(0.9)
        assert (low, high) == (None, None)
        assert reason == "no interval: only 1 of 3 resamples define it"

    def test_exactly_half_defined_is_one(self):
        assert self.of(1, [1, 1, np.nan, np.nan]).interval(0.9).low == 1

    def test_an_undefined_value_has_no_interval(self):
        assert self.of(None, [np.nan], reason="why").interval(0.9) == (None, None, "why")

    def test_minus(self):
        found = self.of(3, [1, np.nan, 5], 10, "x").minus(self.of(1, [0, 1, 1], 7, "y"))
        assert (found.value, found.n, found.reason) == (2, 7, "x; y")
        np.testing.assert_array_equal(found.replicates, [1, np.nan, 4])

    def test_minus_keeps_undefined_undefined_and_says_a_shared_reason_once(self):
        found = self.of(None, [np.nan], reason="why").minus(self.of(1, [0], reason="why"))
        assert (found.value, found.reason) == (None, "why")

    def test_the_mean_of_several(self):
        parts = [Estimate(1.0, (0.5, 1.5), np.array([1.0, 2.0]), 10, "x")]
        parts.append(Estimate(3.0, (2.5, 3.5), np.array([3.0, np.nan]), 7, "x"))
        found = mean_of(parts)
        assert (found.value, found.by_seed, found.n, found.reason) == (2.0, (1.5, 2.5), 7, "x")
        np.testing.assert_array_equal(found.replicates, [2.0, np.nan])

    def test_the_mean_with_what_is_undefined_is_undefined(self):
        found = mean_of([self.of(1, [1]), self.of(None, [np.nan], reason="why")])
        assert (found.value, found.by_seed, found.reason) == (None, (), "why")

    def test_the_mean_of_differences_has_no_seeds(self):
        one = self.of(3, [1]).minus(self.of(1, [0]))
        assert mean_of([one, one]).by_seed == ()
