import numpy as np
import pytest

from darl.vectors import BLOCK, blocks, unit


def test_blocks_cover_every_row_once():
    rows = np.arange(10)
    assert [rows[block].tolist() for block in blocks(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(blocks(0)) == []


@pytest.mark.parametrize("n", [0, 3, BLOCK + 5])
def test_unit_in_blocks(n):
    features = np.random.default_rng(2).normal(size=(n, 6))
    lengths = [np.sqrt(sum(value * value for value in row)) for row in features]
    np.testing.assert_allclose(unit(features) * np.reshape(lengths, (n, 1)), features, rtol=1e-5)
    assert unit(features).dtype == np.float32


@pytest.mark.parametrize(("dtype", "large"), [(np.float16, 6e4), (np.float32, 1e38), (np.float64, 1e150)])
def test_large_numbers_do_not_overflow(dtype, large):
    features = np.full((2, 16), large, dtype=dtype)
    np.testing.assert_allclose(unit(features), np.full((2, 16), 0.25), rtol=1e-6)


def test_zeros_stay_zeros():
    np.testing.assert_array_equal(unit(np.zeros((2, 3), dtype=np.float16)), np.zeros((2, 3)))
