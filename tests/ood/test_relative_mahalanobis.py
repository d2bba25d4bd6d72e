import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from darl.ood.gaussian import RIDGE
from darl.ood.mahalanobis import Mahalanobis
from darl.ood.relative_mahalanobis import RelativeMahalanobis
from tests.ood.made import far, from_features, in_dist


def precision(residuals):
    covariance = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    ridge = RIDGE * np.trace(covariance) / len(covariance)
    return np.linalg.inv(covariance + ridge * np.eye(len(covariance)))


def naive(features, grades, queries, inside):
    """The paper's formula, one pair and one grade at a time; `inside` is the precision within grades."""
    means = [features[grades == k].mean(axis=0) for k in set(grades.tolist())]
    middle = features.mean(axis=0)
    whole = precision(features - middle)
    to_grades = [min(float((z - m) @ inside @ (z - m)) for m in means) for z in queries]
    to_all = [float((z - middle) @ whole @ (z - middle)) for z in queries]
    return np.subtract(to_grades, to_all)


@pytest.mark.parametrize(("n", "n_features"), [(60, 6), (9, 40)])
def test_formula(n, n_features):
    rng = np.random.default_rng(0)
    predictions, grades = in_dist(n, rng, n_features)
    query = far(10, rng, n_features)
    features = predictions.features
    residuals = [z - features[grades == g].mean(axis=0) for z, g in zip(features, grades, strict=True)]
    expected = naive(features, grades, query.features, precision(np.stack(residuals)))
    scores = RelativeMahalanobis().fit(predictions, grades).score(query)
    np.testing.assert_allclose(scores, expected, rtol=1e-8)


@pytest.mark.parametrize(("n", "n_features"), [(1, 4), (2, 40), (60, 6)])
def test_a_single_grade_tells_nothing(n, n_features):
    rng = np.random.default_rng(1)
    predictions, _ = in_dist(n, rng, n_features)
    detector = RelativeMahalanobis().fit(predictions, np.ones(n, dtype=int))
    assert detector.score(far(10, rng, n_features)).tolist() == [0.0] * 10


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_one_pair_a_grade_borrows_the_spread_of_all(size):
    """Also where features are small: a covariance of 1 would turn the sign."""
    rng = np.random.default_rng(2)
    predictions, grades = in_dist(3, rng, 8)
    train, query = predictions.features * size, far(10, rng, 8).features * size
    detector = RelativeMahalanobis().fit(from_features(train), grades)
    scores = detector.score(from_features(query))
    expected = naive(train, grades, query, precision(train - train.mean(axis=0)))
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert scores.min() > detector.score(from_features(train)).max()


def test_the_same_features_for_all_are_euclidean():
    train = np.repeat([[1.0, 2, 3, 4]], 6, axis=0)
    detector = RelativeMahalanobis().fit(from_features(train), np.array([0, 0, 1, 1, 2, 2]))
    scores = detector.score(from_features(np.random.default_rng(3).normal(size=(5, 4))))
    np.testing.assert_allclose(scores, 0, atol=1e-12)


def test_directions_that_grades_share_cancel():
    """Along axis 5 the grades do not differ: there the plain distance grows much more."""
    rng = np.random.default_rng(4)
    predictions, grades = in_dist(6000, rng)
    step = from_features(np.array([[8.0, 0, 0, 0, 0, 0], [8.0, 0, 0, 0, 0, 5]]))
    plain = np.diff(Mahalanobis().fit(predictions, grades).score(step))
    relative = np.diff(RelativeMahalanobis().fit(predictions, grades).score(step))
    assert 22 < plain < 28
    assert abs(relative) < 1.5


def test_constant_and_repeated_features():
    rng = np.random.default_rng(5)
    predictions, grades = in_dist(60, rng)
    features = np.column_stack([predictions.features, predictions.features[:, 0], np.full(60, 3.0)])
    scores = RelativeMahalanobis().fit(from_features(features), grades).score(from_features(features))
    assert np.abs(scores).max() < 100
