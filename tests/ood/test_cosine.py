import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from darl.ood.cosine import Cosine
from darl.ood.knn import KNN
from tests.ood.made import far, from_features, in_dist


@pytest.mark.parametrize(
    ("n", "n_features", "dtype"), [(1, 6, np.float64), (30, 6, np.float32), (3, 200, np.float16)]
)
def test_formula(n, n_features, dtype):
    rng = np.random.default_rng(0)
    predictions, grades = in_dist(n, rng, n_features, dtype)
    query = far(10, rng, n_features, dtype)
    expected = 1 - cosine_similarity(
        query.features.astype(np.float64), predictions.features.astype(np.float64)
    ).max(axis=1)
    np.testing.assert_allclose(Cosine().fit(predictions, grades).score(query), expected, rtol=1e-6)


def test_exact_values():
    detector = Cosine().fit(from_features(np.array([[2.0, 0, 0]])), np.array([0]))
    query = from_features(np.array([[5.0, 0, 0], [0, 3.0, 0], [-1.0, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(detector.score(query), [0, 1, 2, 0.5], rtol=1e-15)


def test_it_ranks_as_the_nearest_neighbour_does():
    rng = np.random.default_rng(1)
    predictions, grades = in_dist(30, rng)
    query = in_dist(200, rng)[0]
    by_cosine = Cosine().fit(predictions, grades).score(query)
    by_distance = KNN(1).fit(predictions, grades).score(query)
    np.testing.assert_array_equal(np.argsort(by_cosine), np.argsort(by_distance))


def test_near_0_nothing_is_lost():
    """1 - cos in float32 would be 0, or 6e-8, for all of these."""
    steps = np.array([1e-5, 3e-5, 1e-4])
    detector = Cosine().fit(from_features(np.array([[1.0, 0, 0, 0]])), np.array([0]))
    query = from_features(np.column_stack([np.ones(3), steps, np.zeros((3, 2))]))
    np.testing.assert_allclose(detector.score(query), steps**2 / 2, rtol=1e-3)


@pytest.mark.parametrize("most", [0, -1, 1.5, "5", None, True])
def test_most_is_checked(most):
    with pytest.raises(ValueError, match="most: expected an integer of at least 1, received"):
        Cosine(most)
