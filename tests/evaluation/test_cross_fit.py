"""Out-of-fold probabilities: whole queries held out, and no pair is told its own grade."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from darl.errors import ConfigError
from darl.evaluation.cross_fit import INVERSE_PENALTY, cross_fit, query_folds

RNG = np.random.default_rng(0)
QUERIES = RNG.integers(0, 12, 150)
GRADES = RNG.integers(0, 3, 150)
FEATURES = np.column_stack([GRADES + RNG.normal(size=150), RNG.normal(5, 3, 150), np.full(150, 7.0)])


def test_a_query_is_in_one_fold_and_folds_are_alike_in_size():
    folds = query_folds(QUERIES, 5, np.random.default_rng(1))
    of_query = {query: set(folds[query == QUERIES].tolist()) for query in set(QUERIES.tolist())}
    assert all(len(of) == 1 for of in of_query.values())
    sizes = np.bincount([next(iter(of)) for of in of_query.values()], minlength=5)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("folds", [1, 13])
def test_there_are_at_least_two_folds_and_a_query_for_each(folds):
    with pytest.raises(ConfigError, match="expected 2 to 12, the number of queries"):
        query_folds(QUERIES, folds, np.random.default_rng(0))


def test_each_fold_is_predicted_by_a_model_of_the_others():
    folds = query_folds(QUERIES, 4, np.random.default_rng(1))
    found = cross_fit(FEATURES, GRADES, folds, 3)
    for fold in range(4):
        known = folds != fold
        model = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=500))
        expected = model.fit(FEATURES[known], GRADES[known]).predict_proba(FEATURES[~known])
        np.testing.assert_allclose(found[~known], expected, atol=1e-6)


def test_a_pair_s_own_grade_changes_nothing_of_what_is_said_of_it():
    folds = query_folds(QUERIES, 4, np.random.default_rng(1))
    other = GRADES.copy()
    other[0] = (GRADES[0] + 1) % 3
    own, changed = cross_fit(FEATURES, GRADES, folds, 3), cross_fit(FEATURES, other, folds, 3)
    same = folds == folds[0]
    np.testing.assert_array_equal(own[same], changed[same])
    assert not np.allclose(own[~same], changed[~same])


def test_grades_that_the_other_folds_lack_have_no_probability():
    folds = np.repeat([0, 1], 10)
    grades = np.array([0] * 10 + [2] * 5 + [3] * 5)
    found = cross_fit(RNG.normal(size=(20, 2)), grades, folds, 4)
    assert (found[:10, :2] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found[10:], np.eye(4)[np.zeros(10, int)])
