from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from darl.selection import seeding
from darl.selection.seeding import OuterProducts, seeds

RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 4))


def written_out(left, right):
    return np.array([np.outer(a, z).ravel() for a, z in zip(left, right, strict=True)])


def naive_squared(vectors):
    return np.array([[sum((x - y) ** 2) for y in vectors] for x in vectors])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_distances_of_outer_products(dtype):
    right = (RIGHT * 1e4).astype(dtype)
    expected = naive_squared(
        written_out(LEFT, right.astype(float) / np.linalg.norm(right.astype(float), axis=1).max())
    )
    rows = np.arange(6)
    products = OuterProducts(LEFT, right)
    np.testing.assert_allclose(products.squared_distances(rows, rows), expected, rtol=1e-5)
    np.testing.assert_allclose(products.nearest(np.array([1, 4])), expected[:, [1, 4]].min(axis=1), rtol=1e-5)


def test_nearest_of_many_vectors():
    left, right = np.ones((5000, 1)), np.random.default_rng(1).normal(size=(5000, 2))
    products = OuterProducts(left, right)
    expected = ((right - right[7]) ** 2).sum(axis=1) / (right**2).sum(axis=1).max()
    np.testing.assert_allclose(products.nearest(np.array([7])), expected, atol=1e-6)


@pytest.mark.parametrize("tries", [0, 1, 200])
def test_each_row_is_drawn_by_its_squared_distance(tries, monkeypatch):
    """Every ordered choice of three comes as often as the formula says, however rare passes are."""
    monkeypatch.setattr(seeding, "MOST_TRIES", tries)
    squared = naive_squared(written_out(LEFT, RIGHT))

    def chance(first, second, third):
        to_both = np.minimum(squared[first], squared[second])
        return squared[first, second] / squared[first].sum() * to_both[third] / to_both.sum()

    rng, runs, products = np.random.default_rng(2), 4000, OuterProducts(LEFT, RIGHT)
    counts = Counter(tuple(seeds(products, 2, 3, rng).tolist()) for _ in range(runs))
    for rest in permutations({0, 1, 3, 4, 5}, 2):
        p = chance(2, *rest)
        assert abs(counts[(2, *rest)] / runs - p) < 4 * np.sqrt(p / runs)
    assert sum(chance(2, *rest) for rest in permutations({0, 1, 3, 4, 5}, 2)) == pytest.approx(1)


def test_equal_vectors_are_drawn_once():
    right = np.repeat(np.eye(3), 5, axis=0)
    drawn = seeds(OuterProducts(np.ones((15, 1)), right), 0, 10, np.random.default_rng(0))
    assert sorted(drawn // 5) == [0, 1, 2]


def test_zero_vectors_are_all_the_same():
    drawn = seeds(OuterProducts(np.zeros((4, 2)), np.zeros((4, 3))), 2, 4, np.random.default_rng(0))
    assert drawn.tolist() == [2]


def test_every_row_when_as_many_are_asked_for():
    right = np.random.default_rng(3).normal(size=(300, 4))
    drawn = seeds(OuterProducts(np.ones((300, 1)), right), 5, 300, np.random.default_rng(0))
    assert drawn[0] == 5
    assert sorted(drawn) == list(range(300))
