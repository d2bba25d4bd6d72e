import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.evaluation.bootstrap import query_counts
from darl.evaluation.brier import BRIER, brier_of
from darl.evaluation.equal_mass import (
    BINS,
    CHANCE_ECE,
    CLASSWISE_ECE,
    MASS_ECE,
    ece_of,
    mass_edges,
    reliability_curve,
)
from tests.evaluation.made import SCALES, judged, predicted_again, random_judged


def naive(said, true):
    """Pairs sorted, dealt into bins by rank; a bin takes the equals of its last pair with it."""
    pairs, error, start = sorted(zip(said, true, strict=True)), 0.0, 0
    n = len(pairs)
    for b in range(1, BINS + 1):
        end = -(-n * b // BINS)
        while 0 < end < n and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            part = pairs[start:end]
            error += abs(sum(true for _, true in part) - sum(said for said, _ in part)) / n
            start = end
    return error


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(sorted(SCALES)), st.integers(1, 80), st.sampled_from([None, 0]))
def test_against_bins_by_rank(seed, k, n, rounding):
    one = random_judged(np.random.default_rng(seed), n, k, 10, 1.0, rounding)
    probs, gold = one.predictions.grade_probs, one.grades
    right = (one.predictions.grades == gold).astype(float)
    assert MASS_ECE.value(one) == pytest.approx(naive(one.predictions.confidence, right))
    by_grade = [naive(probs[:, grade], (gold == grade).astype(float)) for grade in range(k)]
    for grade in range(k):
        assert ece_of(SCALES[k], grade).value(one) == pytest.approx(by_grade[grade])
    assert CLASSWISE_ECE.value(one) == pytest.approx(np.mean(by_grade))


@pytest.mark.parametrize("n", [300, 3000])
def test_chance_is_the_mean_of_what_a_calibrated_model_shows(n):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), n).astype(np.float32)
    shown = []
    for _ in range(200):
        gold = (rng.random((n, 1)) > probs.cumsum(axis=1)[:, :-1]).sum(axis=1)
        one = judged(gold, probs, np.arange(n) // 10)
        shown.append(MASS_ECE.value(one))
    assert CHANCE_ECE.value(one) == pytest.approx(np.mean(shown), rel=0.03)


def test_chance_falls_as_pairs_are_more_and_is_0_for_who_is_always_sure():
    probs = np.tile([[0.7, 0.2, 0.1]], (400, 1))
    few, many = (judged(np.zeros(n, int), probs[:n], np.arange(n) // 4) for n in (100, 400))
    assert CHANCE_ECE.value(few) == pytest.approx(2 * CHANCE_ECE.value(many))
    sure = judged(np.zeros(40, int), np.tile([[1.0, 0.0, 0.0]], (40, 1)), np.arange(40) // 4)
    assert CHANCE_ECE.value(sure) == 0


def test_bins_hold_equally_many():
    said = np.random.default_rng(0).random(1500)
    bins = np.searchsorted(mass_edges(said), said, side="left")
    np.testing.assert_array_equal(np.bincount(bins), np.full(BINS, 100))
    assert len(mass_edges(np.full(100, 0.7))) == 1


def test_under_resampling_bins_stay_and_pairs_count_as_often_as_drawn():
    rng = np.random.default_rng(0)
    one = random_judged(rng, 90, 3, 12)
    counts = next(iter(query_counts(12, 6, rng)))
    said, right = one.predictions.confidence, one.predictions.grades == one.grades
    bins = np.searchsorted(mass_edges(said), said, side="left")
    for column, value in zip(counts.T, MASS_ECE.from_sums(MASS_ECE.statistic(one)(counts)), strict=True):
        times = column[one.query_rows]
        error = sum(abs((times * (right - said))[bins == b].sum()) for b in range(BINS))
        assert value == pytest.approx(error / times.sum())


@pytest.mark.parametrize("k", SCALES)
def test_the_grades_parts_of_the_brier_score_add_up(k):
    one = random_judged(np.random.default_rng(k), 50, k)
    parts = [brier_of(SCALES[k], grade) for grade in range(k)]
    assert sum(part.value(one) for part in parts) == pytest.approx(BRIER.value(one))
    counts = next(iter(query_counts(one.n_queries, 5, np.random.default_rng(0))))
    resampled = [part.from_sums(part.statistic(one)(counts)) for part in parts]
    np.testing.assert_allclose(np.sum(resampled, axis=0), BRIER.from_sums(BRIER.statistic(one)(counts)))


def test_a_curve_by_hand():
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]])
    one = judged([0, 1, 1, 1, 0], probs, [0, 1, 2, 3, 4])
    curve = reliability_curve([one], rng=np.random.default_rng(0), resamples=100)
    np.testing.assert_allclose(curve.said, [0.6, 0.9])
    np.testing.assert_allclose(curve.true, [2 / 3, 1 / 2])
    np.testing.assert_array_equal(curve.pairs, [3, 2])
    assert (curve.low <= curve.true).all()
    assert (curve.true <= curve.high).all()
    zero = reliability_curve([one], 0, rng=np.random.default_rng(0), resamples=100)
    np.testing.assert_allclose(zero.said, [0.4, 0.9])
    np.testing.assert_allclose(zero.true, [1 / 3, 1 / 2])


def test_a_curves_intervals_are_those_of_its_bins_over_queries():
    """Against resamples written out; runs of two seeds are pooled, query by query."""
    rng = np.random.default_rng(0)
    one = random_judged(rng, 300, 3, 40)
    runs = [one, predicted_again(rng, one)]
    curve = reliability_curve(runs, rng=np.random.default_rng(1), resamples=2000)
    said = np.concatenate([run.predictions.confidence for run in runs])
    right = np.concatenate([run.predictions.grades == run.grades for run in runs]).astype(float)
    bins = np.searchsorted(mass_edges(said), said, side="left")
    rows = [np.flatnonzero(np.tile(one.query_rows, 2) == q) for q in range(40)]
    rates = []
    for _ in range(2000):
        drawn = np.concatenate([rows[q] for q in rng.integers(0, 40, 40)])
        pairs = np.bincount(bins[drawn], minlength=BINS)
        rates.append(np.bincount(bins[drawn], weights=right[drawn], minlength=BINS) / np.maximum(pairs, 1))
    low, high = np.quantile(rates, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(curve.low, low, atol=0.05)
    np.testing.assert_allclose(curve.high, high, atol=0.05)


def test_a_single_query_has_a_curve_and_no_interval_and_no_pair_has_none():
    curve = reliability_curve([judged([0, 1], [[0.9, 0.1]] * 2, [0, 0])], rng=np.random.default_rng(0))
    np.testing.assert_allclose(curve.true, [0.5])
    assert np.isnan(curve.low).all()
    assert np.isnan(curve.high).all()
    empty = judged([], np.empty((0, 2)))
    assert len(reliability_curve([empty], rng=np.random.default_rng(0)).said) == 0
