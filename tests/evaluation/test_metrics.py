"""What every metric promises, checked for each of them on scales of two, three and five grades."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.evaluation.bootstrap import query_counts
from darl.evaluation.metrics import metrics_for
from tests.evaluation.made import SCALES, duplicated, judged, predicted_again, random_judged, rows_of

ALL = [pytest.param(k, name, id=f"{k}-{name}") for k in SCALES for name in metrics_for(SCALES[k])]
RANGES = {"qwk": (-1, 1), "brier": (0, 2)}


@st.composite
def slices(draw):
    k = draw(st.sampled_from(sorted(SCALES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 40))
    one = random_judged(
        rng, n, k, draw(st.integers(1, 10)), draw(st.floats(-2, 4)), draw(st.sampled_from([None, 0]))
    )
    kept = draw(st.lists(st.integers(0, k - 1), min_size=1, max_size=k, unique=True))
    rows = np.flatnonzero(np.isin(one.grades, kept))
    return rows_of(one, rows if len(rows) else [0]), SCALES[k], rng


@pytest.mark.parametrize(("k", "name"), ALL)
@pytest.mark.parametrize("rounding", [None, 0], ids=["no-ties", "ties"])
def test_under_resampling_it_is_the_metric_of_the_resample_written_out(k, name, rounding):
    rng = np.random.default_rng(k)
    one = random_judged(rng, 50, k, 9, 0.8, rounding)
    if name.startswith("ndcg"):
        # A copy of a query has an id of its own, so ties would fall otherwise.
        one = predicted_again(rng, one, 0.8)
    metric = metrics_for(SCALES[k])[name]
    counts = next(iter(query_counts(one.n_queries, 12, rng)))
    values = metric.from_sums(metric.statistic(one)(counts))
    written_out = [metric.value(duplicated(one, column)) for column in counts.T]
    assert np.isfinite(written_out).sum() >= 10
    np.testing.assert_allclose(values, written_out, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(slices())
def test_values_are_in_range_and_undefined_exactly_where_a_reason_is_given(made):
    one, scale, _ = made
    for name, metric in metrics_for(scale).items():
        value = metric.value(one)
        sums = metric.from_sums(metric.statistic(one)(np.ones((one.n_queries, 1))))
        assert math.isnan(value) == math.isnan(sums[0]) == bool(metric.undefined(one)), name
        if not metric.undefined(one):
            low, high = RANGES.get(name, (0, 1))
            assert low - 1e-9 <= value <= high + 1e-9, name
            assert sums[0] == pytest.approx(value, abs=1e-9), name
            assert 1 <= metric.n(one) <= len(one)


@settings(max_examples=20, deadline=None)
@given(slices())
def test_the_order_of_the_pairs_does_not_matter(made):
    one, scale, rng = made
    turned = rows_of(one, rng.permutation(len(one)))
    counts = rng.integers(0, 3, (one.n_queries, 4)).astype(float)
    for name, metric in metrics_for(scale).items():
        assert metric.value(turned) == pytest.approx(metric.value(one), nan_ok=True), name
        np.testing.assert_allclose(
            metric.from_sums(metric.statistic(turned)(counts)),
            metric.from_sums(metric.statistic(one)(counts)),
            err_msg=name,
        )


@pytest.mark.parametrize("k", SCALES)
def test_perfect_predictions_reach_the_best_value(k):
    grades = np.arange(20) % k
    one = judged(grades, np.eye(k)[grades], np.arange(20) // 5)
    for metric in metrics_for(SCALES[k]).values():
        assert metric.value(one) == pytest.approx(1.0 if metric.larger_is_better else 0.0)


@pytest.mark.parametrize(("k", "name"), [case for case in ALL if not case.id.endswith("ece")])
def test_better_predictions_have_a_better_value(k, name):
    rng = np.random.default_rng(5)
    weak = random_judged(rng, 2000, k, 100, 0.3)
    strong = predicted_again(rng, weak, 4.0)
    metric = metrics_for(SCALES[k])[name]
    assert (metric.value(strong) > metric.value(weak)) == metric.larger_is_better


def test_a_slice_without_pairs_defines_nothing():
    empty = judged([], np.empty((0, 3)))
    for metric in metrics_for(SCALES[3]).values():
        assert metric.undefined(empty)
        assert math.isnan(metric.value(empty))


def test_one_pair():
    one = judged([2], [[0.1, 0.2, 0.7]])
    values = {name: metric.value(one) for name, metric in metrics_for(SCALES[3]).items()}
    defined = {name: value for name, value in values.items() if not math.isnan(value)}
    assert defined == pytest.approx(
        {
            "macro_f1": 1, "ndcg@10": 1, "accuracy": 1, "f1:c": 1, "ece": 0.3, "aurc": 0,
            "brier": 0.01 + 0.04 + 0.09,
        }
    )  # fmt: skip


def test_two_grades_have_one_auc_and_more_have_two():
    aucs = {k: [name for name in metrics_for(SCALES[k]) if name.startswith("auc")] for k in SCALES}
    assert aucs == {2: ["auc>=b"], 3: ["auc>=c", "auc>=b"], 5: ["auc>=e", "auc>=b"]}


@pytest.mark.parametrize("k", SCALES)
def test_every_metric_says_what_it_is(k):
    for name, metric in metrics_for(SCALES[k]).items():
        assert metric.name == name
        assert metric.title
        assert metric.meaning.endswith(".")
