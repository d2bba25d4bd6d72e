import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from darl.errors import NotFittedError, ShapeError
from darl.nearest import drawn
from darl.ood.knn import KNN
from tests.ood.made import far, from_features, in_dist


def naive(features, queries, k):
    def unit(z):
        length = math.sqrt(sum(x * x for x in z))
        return [x / length for x in z]

    train = [unit(z) for z in features.tolist()]
    return [sorted(math.dist(unit(z), t) for t in train)[k - 1] for z in queries.tolist()]


@pytest.mark.parametrize("k", [1, 2, 7, 30])
def test_formula(k):
    rng = np.random.default_rng(0)
    predictions, grades = in_dist(30, rng)
    query = far(10, rng)
    scores = KNN(k).fit(predictions, grades).score(query)
    np.testing.assert_allclose(scores, naive(predictions.features, query.features, k), rtol=1e-7)


def test_range_and_self():
    features = np.array([[1.0, 0, 0], [0, 2.0, 0], [-3.0, 0, 0], [0, 0, 0]])
    detector = KNN(1).fit(from_features(features), np.zeros(4, dtype=int))
    np.testing.assert_allclose(detector.score(from_features(features)), 0, atol=1e-7)
    only = KNN(1).fit(from_features(features[:1]), np.zeros(1, dtype=int))
    np.testing.assert_allclose(only.score(from_features(features)), [0, math.sqrt(2), 2, 1], atol=1e-7)


def test_length_is_not_read():
    rng = np.random.default_rng(1)
    predictions, grades = in_dist(30, rng)
    query = far(10, rng)
    longer = from_features(query.features * rng.uniform(0.1, 100, size=(10, 1)))
    detector = KNN(3).fit(predictions, grades)
    np.testing.assert_allclose(detector.score(longer), detector.score(query), rtol=1e-9)


def test_more_neighbours_are_never_nearer():
    rng = np.random.default_rng(2)
    predictions, grades = in_dist(30, rng)
    query = far(10, rng)
    scores = [KNN(k).fit(predictions, grades).score(query) for k in range(1, 31)]
    assert (np.diff(scores, axis=0) >= 0).all()


def test_k_above_the_number_of_pairs():
    predictions, grades = in_dist(9, np.random.default_rng(3))
    with pytest.raises(ShapeError, match="at least k=10 training pairs, received 9"):
        KNN().fit(predictions, grades)


@pytest.mark.parametrize("k", [0, -1, 1.5, "5", None, True])
def test_k_is_checked(k):
    with pytest.raises(ValueError, match="k: expected an integer of at least 1, received"):
        KNN(k)


@pytest.mark.parametrize("most", [4, 0, 5.0, "5", None, True])
def test_most_is_checked(most):
    with pytest.raises(ValueError, match="most: expected an integer of at least 5, received"):
        KNN(5, most)


def test_most_keeps_a_part_whatever_the_order():
    rng = np.random.default_rng(5)
    predictions, grades = in_dist(90, rng)
    query, order = far(10, rng), rng.permutation(90)
    detector = KNN(3, most=20).fit(predictions, grades)
    rows = drawn(predictions.features, 20)
    part = KNN(3).fit(predictions[rows], grades[rows])
    shuffled = KNN(3, most=20).fit(predictions[order], grades[order])
    np.testing.assert_array_equal(detector.score(query), part.score(query))
    np.testing.assert_array_equal(detector.score(query), shuffled.score(query))
    assert (detector.score(query) > KNN(3).fit(predictions, grades).score(query)).any()


def test_nearest_names_training_pairs():
    rng = np.random.default_rng(6)
    predictions, grades = in_dist(90, rng)
    query = far(10, rng)
    for detector in (KNN(3), KNN(3, most=20)):
        fitted = detector.fit(predictions, grades)
        distances, rows = fitted.nearest(query)
        np.testing.assert_array_equal(distances[:, -1], fitted.score(query))
        alone = [KNN(1).fit(predictions[row], grades[row]) for row in rows[:, -1:]]
        kth = [one.score(query[i : i + 1])[0] for i, one in enumerate(alone)]
        np.testing.assert_array_equal(distances[:, -1], kth)


def test_nearest_is_checked_as_score_is():
    predictions, grades = in_dist(30, np.random.default_rng(7))
    with pytest.raises(NotFittedError, match="KNN: expected a fitted detector"):
        KNN().nearest(predictions)
    with pytest.raises(ShapeError, match=r"\(3, 3, 6\).*received \(3, 3, 7\)"):
        KNN().fit(predictions, grades).nearest(far(2, np.random.default_rng(8), 7))


ROOT = Path(__file__).parents[2]
PEAK_OF_SEARCH = """
import resource, sys
import numpy as np
from darl.ood.knn import KNN
from tests.ood.made import in_dist

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)

predictions, grades = in_dist(16_000, np.random.default_rng(4), 8, np.float32)
detector = KNN().fit(predictions, grades)
detector.score(predictions[:10])
before = peak()
detector.score(predictions)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is Unix's")
def test_memory_does_not_grow_with_the_product():
    """16 000 x 16 000 distances would be 2 GB. A process of its own: nothing else has raised its peak."""
    command = [sys.executable, "-c", PEAK_OF_SEARCH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 200_000
