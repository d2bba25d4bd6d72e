import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from darl.ood.gaussian import RIDGE
from darl.ood.mahalanobis import Mahalanobis
from tests.ood.made import far, from_features, in_dist


def naive(features, grades, queries, covariance):
    """The paper's formula, one pair and one grade at a time."""
    precision = np.linalg.inv(covariance)
    means = [features[grades == k].mean(axis=0) for k in np.unique(grades)]
    return [min(float((z - m) @ precision @ (z - m)) for m in means) for z in queries]


def residuals(features, grades):
    return np.stack([z - features[grades == g].mean(axis=0) for z, g in zip(features, grades, strict=True)])


def with_ridge(covariance):
    return covariance + RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


@pytest.mark.parametrize(("n", "n_features"), [(60, 6), (9, 40)])
def test_formula(n, n_features):
    rng = np.random.default_rng(0)
    predictions, grades = in_dist(n, rng, n_features)
    query = far(10, rng, n_features)
    inside = residuals(predictions.features, grades)
    covariance = with_ridge(LedoitWolf(assume_centered=True).fit(inside).covariance_)
    expected = naive(predictions.features, grades, query.features, covariance)
    scores = Mahalanobis().fit(predictions, grades).score(query)
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


def test_many_pairs_need_no_shrinkage():
    rng = np.random.default_rng(1)
    predictions, grades = in_dist(4000, rng)
    mixed = from_features(predictions.features @ rng.normal(size=(6, 6)))
    inside = residuals(mixed.features, grades)
    expected = naive(mixed.features, grades, mixed.features[:50], inside.T @ inside / 4000)
    scores = Mahalanobis().fit(mixed, grades).score(mixed[:50])
    np.testing.assert_allclose(scores, expected, rtol=0.1)


def test_one_pair_is_as_among_others():
    rng = np.random.default_rng(9)
    predictions, grades = in_dist(90, rng, 40)
    detector, query = Mahalanobis().fit(predictions, grades), far(6, rng, 40)
    alone = [detector.score(query[row : row + 1])[0] for row in range(6)]
    np.testing.assert_allclose(alone, detector.score(query), rtol=1e-12)
    below = np.tril(detector.state()["Mahalanobis.whitener"], -1)
    assert (below == 0).all()


def test_a_mean_is_at_distance_zero():
    predictions, grades = in_dist(60, np.random.default_rng(2))
    means = np.stack([predictions.features[grades == k].mean(axis=0) for k in range(3)])
    scores = Mahalanobis().fit(predictions, grades).score(from_features(means))
    np.testing.assert_allclose(scores, 0, atol=1e-20)


def test_spread_within_grades_is_the_unit():
    """A step along a direction of little spread is a longer way."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3000, 4)) * [10, 1, 1, 1]
    detector = Mahalanobis().fit(from_features(features), np.zeros(3000, dtype=int))
    along, across = detector.score(from_features(np.array([[5.0, 0, 0, 0], [0, 5.0, 0, 0]])))
    assert 0.2 < along < 0.3
    assert 23 < across < 27


def test_a_grade_with_one_pair_is_a_centre_but_no_spread():
    rng = np.random.default_rng(4)
    predictions, grades = in_dist(60, rng)
    lone = np.full((1, 6), 30.0)
    grades[grades == 2] = 1
    more = from_features(np.concatenate([predictions.features, lone]))
    query = far(10, rng)
    without = Mahalanobis().fit(predictions, grades).score(query)
    detector = Mahalanobis().fit(more, np.append(grades, 2))
    np.testing.assert_allclose(detector.score(query), without, rtol=1e-9)
    np.testing.assert_allclose(detector.score(from_features(lone)), [0], atol=1e-20)


@pytest.mark.parametrize("repeats", [1, 3, 7])
def test_no_spread_at_all_is_euclidean(repeats):
    rng = np.random.default_rng(5)
    features = np.repeat(rng.normal(size=(3, 6)) + 1000, repeats, axis=0)
    query = from_features(rng.normal(size=(5, 6)) + 1000)
    scores = Mahalanobis().fit(from_features(features), np.repeat([0, 1, 2], repeats)).score(query)
    expected = naive(features, np.repeat([0, 1, 2], repeats), query.features, np.eye(6))
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_constant_and_repeated_features():
    rng = np.random.default_rng(6)
    predictions, grades = in_dist(60, rng)
    features = np.column_stack([predictions.features, predictions.features[:, 0], np.zeros(60)])
    scores = Mahalanobis().fit(from_features(features), grades).score(from_features(features))
    assert np.isfinite(scores).all()
    assert scores.max() < 100


def test_distance_does_not_see_a_shift():
    rng = np.random.default_rng(7)
    predictions, grades = in_dist(60, rng)
    query = far(10, rng)
    moved = Mahalanobis().fit(from_features(predictions.features + 1e6), grades)
    scores = Mahalanobis().fit(predictions, grades).score(query)
    np.testing.assert_allclose(moved.score(from_features(query.features + 1e6)), scores, rtol=1e-5)


def test_one_feature():
    features = np.array([[0.0], [2.0], [10.0], [12.0]])
    predictions = from_features(np.column_stack([np.zeros((4, 3)), features]))
    narrow = type(predictions)(predictions.logits, predictions.grade_probs, features)
    scores = Mahalanobis().fit(narrow, np.array([0, 0, 1, 1])).score(narrow)
    np.testing.assert_allclose(scores, 1, rtol=1e-5)
