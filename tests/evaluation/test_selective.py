from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.evaluation.bootstrap import query_counts
from darl.evaluation.judged import with_decisions
from darl.evaluation.selective import (
    ANSWERED,
    ANSWERED_ACCURACY,
    AURC,
    COVERAGES,
    EXCESS_AURC,
    accuracy_at,
    risk_coverage,
)
from darl.predictions import Decisions
from tests.evaluation.made import duplicated, judged, random_judged, rows_of

METRICS = [AURC, EXCESS_AURC, *(accuracy_at(place) for place in range(len(COVERAGES)))]
EVERY = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def naive_aurc(wrong):
    return np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1))


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_without_ties_it_is_the_mean_of_the_running_error_rate(seed, n):
    one = random_judged(np.random.default_rng(seed), n)
    wrong = (one.predictions.grades != one.grades)[np.argsort(-one.predictions.confidence, kind="stable")]
    assert AURC.value(one) == pytest.approx(naive_aurc(wrong))
    assert EXCESS_AURC.value(one) == pytest.approx(naive_aurc(wrong) - naive_aurc(np.sort(wrong)))
    if n % 20 == 0:
        for place, coverage in enumerate(COVERAGES):
            top = wrong[: round(coverage * n)]
            assert accuracy_at(place).value(one) == pytest.approx(1 - top.mean())


@pytest.mark.parametrize("seed", range(5))
def test_pairs_of_equal_risk_count_as_the_mean_over_their_orders(seed):
    rng = np.random.default_rng(seed)
    wrong, confidence = rng.integers(0, 2, 6), np.array([0.9, 0.9, 0.9, 0.7, 0.7, 0.6])
    probs = np.stack([1 - confidence, confidence], axis=1)
    one = judged(1 - wrong, probs)
    orders = [
        [wrong[i] for i in (*first, *(3 + j for j in second), 5)]
        for first in permutations(range(3))
        for second in permutations(range(2))
    ]
    assert AURC.value(one) == pytest.approx(np.mean([naive_aurc(order) for order in orders]))
    assert accuracy_at(0).value(one) == pytest.approx(1 - np.mean([np.mean(order[:3]) for order in orders]))


@EVERY
@pytest.mark.parametrize("rounding", [None, 0], ids=["no-ties", "ties"])
def test_under_resampling_it_is_the_metric_of_the_resample_written_out(metric, rounding):
    rng = np.random.default_rng(3)
    one = random_judged(rng, 50, 3, 9, 0.8, rounding)
    counts = next(iter(query_counts(one.n_queries, 12, rng)))
    values = metric.from_sums(metric.statistic(one)(counts))
    np.testing.assert_allclose(values, [metric.value(duplicated(one, column)) for column in counts.T])


@EVERY
def test_in_range_whatever_the_order_of_the_pairs(metric):
    one = random_judged(np.random.default_rng(0), 60, rounding=1)
    assert 0 <= metric.value(one) <= 1
    turned = rows_of(one, np.random.default_rng(1).permutation(60))
    assert metric.value(turned) == pytest.approx(metric.value(one))


def test_the_best_order_has_no_excess_and_no_errors_no_risk():
    rng = np.random.default_rng(0)
    one = random_judged(rng, 80)
    wrong = (one.decided != one.grades).astype(float)
    knowing = with_decisions(
        one, Decisions(one.predictions.scores, one.predictions.grade_probs, one.decided, wrong)
    )
    # All wrong pairs are of one risk and so in no order: that costs nothing.
    assert EXCESS_AURC.value(knowing) == pytest.approx(0, abs=1e-12)
    right = with_decisions(
        one, Decisions(one.predictions.scores, one.predictions.grade_probs, one.grades, wrong)
    )
    assert AURC.value(right) == 0
    assert all(accuracy_at(place).value(right) == 1 for place in range(4))


def test_what_is_answered_and_how_well():
    one = judged([0, 1, 1, 0], [[0.9, 0.1]] * 4, [0, 0, 1, 1])
    told = Decisions(
        one.predictions.scores,
        one.predictions.grade_probs,
        np.array([0, 0, 1, 0]),
        np.zeros(4),
        np.array([False, False, False, True]),
    )
    assert (ANSWERED.value(one), ANSWERED_ACCURACY.value(one)) == (1.0, 0.5)
    after = with_decisions(one, told)
    assert ANSWERED.value(after) == 0.75
    assert ANSWERED_ACCURACY.value(after) == pytest.approx(2 / 3)
    nobody = Decisions(told.scores, told.grade_probs, told.grades, told.risk, np.ones(4, dtype=bool))
    assert np.isnan(ANSWERED_ACCURACY.value(with_decisions(one, nobody)))


def test_the_curve_ends_in_the_error_rate_and_is_that_of_the_metric():
    one = random_judged(np.random.default_rng(0), 200)
    coverages, risks = risk_coverage([one, one])
    wrong = one.decided != one.grades
    assert risks[-1] == pytest.approx(wrong.mean())
    assert risks[coverages == 0.5] == pytest.approx(1 - accuracy_at(0).value(one))
    ranks = np.argsort(one.risk, kind="stable")
    assert risks[9] == pytest.approx(wrong[ranks[:20]].mean())


def test_decisions_of_other_pairs_are_refused():
    from darl.errors import ShapeError

    one = random_judged(np.random.default_rng(0), 20)
    with pytest.raises(ShapeError, match="expected 20, received 5"):
        with_decisions(one, Decisions.of(one.predictions[:5]))


def test_before_and_after_agree_where_nothing_is_changed():
    one = random_judged(np.random.default_rng(0), 50)
    same = with_decisions(one, Decisions.of(one.predictions))
    for metric in (*METRICS, ANSWERED, ANSWERED_ACCURACY):
        assert metric.value(same) == metric.value(one)
