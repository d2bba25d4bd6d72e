import numpy as np
import pytest

from darl.selection.distances import BLOCK, blocks, lengths, squared_distances, unit


def test_blocks_cover_every_row_once():
    rows = np.arange(10)
    assert [rows[block].tolist() for block in blocks(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(blocks(0)) == []


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
def test_unit_and_lengths_in_blocks(n):
    features = np.random.default_rng(2).normal(size=(n, 6))
    expected = [np.sqrt(sum(value * value for value in row)) for row in features]
    np.testing.assert_allclose(lengths(features), expected)
    np.testing.assert_allclose(unit(features) * lengths(features)[:, None], features, rtol=1e-5)
    assert unit(features).dtype == np.float32


@pytest.mark.parametrize(("dtype", "large"), [(np.float16, 6e4), (np.float32, 1e38), (np.float64, 1e150)])
def test_large_numbers_do_not_overflow(dtype, large):
    features = np.full((2, 16), large, dtype=dtype)
    np.testing.assert_allclose(unit(features), np.full((2, 16), 0.25), rtol=1e-6)


def test_zeros_stay_zeros():
    np.testing.assert_array_equal(unit(np.zeros((2, 3), dtype=np.float16)), np.zeros((2, 3)))
