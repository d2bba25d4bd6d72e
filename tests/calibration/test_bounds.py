import numpy as np
import pytest
from scipy.stats import binom

from darl.calibration.bounds import DELTA, design_effect, upper_bounds, widest


def upper_bound(errors, n, delta=0.05):
    return float(upper_bounds(np.array([float(errors)]), np.array([float(n)]), delta)[0])


@pytest.mark.parametrize(("errors", "n"), [(0, 10), (3, 50), (40, 100), (9, 10)])
def test_the_bound_is_where_so_few_errors_become_unlikely(errors, n):
    assert binom.cdf(errors, n, upper_bound(errors, n, 0.05)) == pytest.approx(0.05)


def test_all_wrong_or_no_pairs_promise_nothing():
    assert upper_bound(5, 5) == upper_bound(0, 0) == 1.0


def test_pairs_of_a_query_that_err_together_count_as_one():
    queries = np.repeat(np.arange(200), 5)
    together = np.repeat(np.random.default_rng(0).random(200) < 0.3, 5).astype(float)
    apart = (np.random.default_rng(1).random(1000) < 0.3).astype(float)
    assert design_effect(together, queries) == pytest.approx(5, rel=0.01)
    assert 1 <= design_effect(apart, queries) < 1.3
    assert design_effect(np.zeros(1000), queries) == design_effect(np.ones(1000), queries) == 5
    assert design_effect(apart, np.zeros(1000, dtype=int)) == 1000


def test_the_design_effect_is_the_variance_under_resampling_of_queries():
    rng = np.random.default_rng(2)
    queries = rng.integers(0, 150, 900)
    errors = (rng.random(900) < 0.2 + 0.4 * (queries % 3 == 0)).astype(float)
    p, rates = errors.mean(), []
    rows = [np.flatnonzero(queries == q) for q in np.unique(queries)]
    for _ in range(2000):
        drawn = np.concatenate([rows[q] for q in rng.integers(0, len(rows), len(rows))])
        rates.append(errors[drawn].mean())
    ranks = np.unique(queries, return_inverse=True)[1]
    assert design_effect(errors, ranks) == pytest.approx(np.var(rates) / (p * (1 - p) / 900), rel=0.15)


def made(rng, n=1500, per_query=3):
    """Doubt is the chance of an error, between 0 and a half."""
    doubts = rng.random(n) / 2
    return doubts, (rng.random(n) < doubts).astype(float), np.arange(n) // per_query


def test_the_promise_is_kept_as_often_as_it_says():
    """The true error rate below doubt t is t / 2."""
    broken = 0
    for seed in range(100):
        doubts, errors, queries = made(np.random.default_rng(seed))
        found = widest(doubts, errors, queries, 0.15)
        assert found.met
        assert found.bound <= 0.15
        broken += np.sort(doubts)[found.size - 1] / 2 > 0.15
    assert broken / 100 <= DELTA


def test_more_pairs_allow_more():
    few, many = (widest(*made(np.random.default_rng(0), n), 0.15).size / n for n in (300, 30_000))
    assert few < many
    assert many == pytest.approx(0.55)  # the largest of twenty shares below 60 %


def test_what_cannot_be_promised_is_told_with_the_best_there_is():
    doubts, errors, queries = made(np.random.default_rng(0))
    found = widest(doubts, errors, queries, 0.001)
    assert not found.met
    order, effect = np.argsort(doubts), design_effect(errors, queries)
    bounds = {
        n: upper_bound(errors[order[:n]].sum() / effect, n / effect, DELTA / 4) for n in (150, 300, 600, 1050)
    }
    assert found.bound == pytest.approx(min(bounds.values()))
    assert bounds[found.size] == pytest.approx(found.bound)
    assert widest(doubts, errors, queries, found.bound).met  # what is told can be had


def test_widening_stops_at_the_first_share_beyond_the_limit():
    """Errors between 50 and 60 % of the pairs stop those that start at 10, 20 and 40 %; 70 % has too many."""
    errors = np.zeros(2000)
    errors[1000:1200] = 1
    found = widest(np.arange(2000.0), errors, np.arange(2000), 0.05)
    assert found.size == 1000
    assert widest(np.arange(2000.0), errors, np.arange(2000), 0.2).size == 2000


def test_pairs_of_equal_doubt_stay_together():
    errors = np.array([0.0] * 90 + [1.0] * 10)
    found = widest(np.zeros(100), errors, np.arange(100), 0.5)
    assert found.size == 100
