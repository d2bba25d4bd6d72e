import numpy as np
import pytest

from darl.selection.distances import lengths, squared_distances
from darl.vectors import BLOCK, unit


def test_squared_distances_formula():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(7, 5)).astype(np.float32)
    right = rng.normal(size=(4, 5)).astype(np.float32)
    expected = [[sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) for b in right] for a in left]
    np.testing.assert_allclose(squared_distances(left, right), expected, rtol=1e-5)


def test_equal_vectors_are_at_distance_0():
    vectors = unit(np.random.default_rng(1).normal(size=(200, 576)))
    squared = squared_distances(vectors, vectors)
    assert (np.diag(squared) == 0).all()
    assert squared[~np.eye(200, dtype=bool)].min() > 1


@pytest.mark.parametrize("n", [0, 3, BLOCK + 5])
def test_lengths_in_blocks(n):
    features = np.random.default_rng(2).normal(size=(n, 6))
    expected = [np.sqrt(sum(value * value for value in row)) for row in features]
    np.testing.assert_allclose(lengths(features), expected)
