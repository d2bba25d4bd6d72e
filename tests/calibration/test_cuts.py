from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.calibration.cuts import MOST_PLACES, best_cuts, grades_by, places


def macro_f1(grades, given):
    def f1(k):
        return 2 * ((grades == k) & (given == k)).sum() / ((grades == k).sum() + (given == k).sum())

    return np.mean([f1(k) for k in np.unique(grades)])


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 9), st.booleans())
def test_no_other_cuts_are_better(seed, k, n, ties):
    """Against every choice of places, for the metric as scikit-learn computes it."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n) * (k - 1)
    scores = scores.round(1) if ties else scores
    grades = rng.integers(k, size=n)
    best = best_cuts(scores, grades, k)
    assert best.shape == (k - 1,)
    assert (np.diff(best) >= 0).all()
    found = macro_f1(grades, grades_by(best, scores))
    everything = combinations_with_replacement(places(scores, k), k - 1)
    most = max(macro_f1(grades, grades_by(np.array(cuts), scores)) for cuts in everything)
    assert found == pytest.approx(most)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 1))
def test_given_cuts_stay_and_the_rest_is_the_best_beside_them(seed, number):
    rng = np.random.default_rng(seed)
    scores, grades = rng.random(15) * 2, rng.integers(3, size=15)
    fixed = float(rng.choice(scores))
    best = best_cuts(scores, grades, 3, {number: fixed})
    assert best[number] == fixed
    others = [
        cuts
        for place in [*places(scores, 3), fixed]
        if (cuts := np.insert([place], number, fixed))[0] <= cuts[1]
    ]
    most = max(macro_f1(grades, grades_by(cuts, scores)) for cuts in others)
    assert macro_f1(grades, grades_by(best, scores)) == pytest.approx(most)


def test_a_grade_that_gold_lacks_is_not_given():
    scores, grades = np.array([0.1, 0.2, 1.8, 1.9]), np.array([0, 0, 2, 2])
    given = grades_by(best_cuts(scores, grades, 3), scores)
    np.testing.assert_array_equal(given, grades)


def test_many_scores_are_looked_at_in_five_hundred_places():
    rng = np.random.default_rng(0)
    scores = rng.random(20_000) * 2
    grades = np.digitize(scores + rng.normal(scale=0.2, size=20_000), [0.6, 1.5])
    assert len(places(scores, 3)) == MOST_PLACES + 2
    np.testing.assert_allclose(best_cuts(scores, grades, 3), [0.6, 1.5], atol=0.05)


def test_a_score_on_a_cut_is_above_it():
    np.testing.assert_array_equal(
        grades_by(np.array([0.5, 1.0]), np.array([0.4, 0.5, 0.9, 1.0])), [0, 1, 1, 2]
    )
