import math

import numpy as np
import pytest

import darl.nearest as search
from darl.errors import ShapeError
from darl.nearest import Directions, drawn, kth_distance, nearest


def unit(z):
    length = math.sqrt(sum(x * x for x in z))
    return [x / length if length else 0.0 for x in z]


def naive(known, queries, k):
    """Distances and rows of the k nearest, of equals the earlier row."""
    known = [unit(z) for z in known.tolist()]
    queries = [unit(z) for z in queries.tolist()]
    every = [sorted((math.dist(q, z), row) for row, z in enumerate(known))[:k] for q in queries]
    return tuple(np.array([[pair[i] for pair in one] for one in every]) for i in (0, 1))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("n", "width", "k"), [(1, 3, 1), (7, 5, 7), (300, 16, 4), (300, 1, 2), (40, 99, 40)])
def test_against_a_loop(n, width, k, dtype):
    rng = np.random.default_rng(0)
    known, queries = rng.normal(size=(n, width)).astype(dtype), rng.normal(size=(20, width)).astype(dtype)
    found = nearest(Directions.of(known), queries, k)
    distances, rows = naive(known, queries, k)
    np.testing.assert_allclose(found.distances, distances, atol=2e-7)
    np.testing.assert_array_equal(found.rows, rows)
    assert (found.distances.dtype, found.rows.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("radius", [1e-6, 1e-5, 1e-4, 1e-3])
def test_a_tight_cluster_is_told_apart(radius):
    """The inner products of all of it are the same number in float32, or nearly."""
    rng = np.random.default_rng(1)
    centre = np.full(16, 0.25)
    known, queries = (centre + radius * rng.normal(size=(n, 16)) for n in (1000, 30))
    found = nearest(Directions.of(known), queries, 5)
    np.testing.assert_allclose(found.distances, naive(known, queries, 5)[0], atol=2e-7)


def test_a_few_near_ones_among_many():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(500, 32))
    close = known[7] + np.arange(1, 6)[:, None] * 3e-6 * rng.normal(size=32)
    known = np.concatenate([known, close])
    found = nearest(Directions.of(known), known[7:8], 6)
    assert found.rows.tolist() == [[7, 500, 501, 502, 503, 504]]
    np.testing.assert_allclose(found.distances, naive(known, known[7:8], 6)[0], atol=1e-7)


@pytest.mark.parametrize("copies", [2, 40, 400])
def test_duplicates(copies):
    rng = np.random.default_rng(3)
    different = rng.normal(size=(5, 8))
    known = np.repeat(different, copies, axis=0)
    found = nearest(Directions.of(known), different, copies + 1)
    assert (found.distances[:, :copies] == 0).all()
    assert (found.distances[:, copies] > 0.1).all()
    assert (np.sort(found.rows[:, :copies], axis=1) == np.arange(5 * copies).reshape(5, copies)).all()


@pytest.mark.parametrize("copies", [1, 200])
def test_what_is_equal_goes_by_its_row(copies):
    """Though a product of matrices may round equal columns differently."""
    rng = np.random.default_rng(9)
    different = rng.normal(size=(503 // copies, 13))
    known = Directions.of(np.repeat(different, copies, axis=0))
    for n in range(1, 30):
        rows = nearest(known, different[0] + 0.1 * rng.normal(size=(n, 13)), copies).rows
        np.testing.assert_array_equal(rows, rows[:, :1] + np.arange(copies))


@pytest.mark.parametrize("copies", [503, 2001])
def test_what_is_all_equal_goes_by_its_row(copies):
    rng = np.random.default_rng(10)
    one = rng.normal(size=13)
    known = Directions.of(np.repeat(one[None], copies, axis=0))
    for n in range(1, 30):
        assert nearest(known, one + 0.1 * rng.normal(size=(n, 13)), 3).rows.tolist() == [[0, 1, 2]] * n


def test_a_crowd_costs_no_more_than_k_distances():
    known = Directions.of(np.repeat([[1.0, 2, 3]], 500, axis=0))
    close = search._close(known, known.unit[:9], 4)
    assert np.bincount(close.row).tolist() == [4] * 9


@pytest.mark.parametrize("k", [1, 2, 4])
def test_features_of_zero_stay_zero(k):
    known = np.array([[0.0, 0], [3, 0], [0, 0], [-1, 1]])
    queries = np.array([[0.0, 0], [5, 0], [0, -2], [0.3, 1]])
    found = nearest(Directions.of(known), queries, k)
    distances, rows = naive(known, queries, k)
    np.testing.assert_allclose(found.distances, distances, atol=1e-7)
    np.testing.assert_array_equal(found.rows, rows)


def test_each_alone_and_in_small_parts(monkeypatch):
    rng = np.random.default_rng(4)
    known, queries = Directions.of(rng.normal(size=(200, 24))), rng.normal(size=(50, 24))
    whole = nearest(known, queries, 3)
    alone = [nearest(known, query[None], 3) for query in queries]
    monkeypatch.setattr(search, "MOST_PRODUCTS", 1000)
    monkeypatch.setattr(search, "PAIRS_AT_A_TIME", 7)
    parts = nearest(known, queries, 3)
    np.testing.assert_array_equal(parts.distances, whole.distances)
    np.testing.assert_array_equal(np.concatenate([one.distances for one in alone]), whole.distances)
    np.testing.assert_array_equal(np.concatenate([one.rows for one in alone]), parts.rows)


def clustered(rng, n, width, spread):
    """Around few centres, so that much is nearly equally near."""
    return rng.normal(size=(7, width))[rng.integers(0, 7, n)] + spread * rng.normal(size=(n, width))


@pytest.mark.parametrize("spread", [0.0, 1e-6, 1e-3, 0.3])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (9, 9), (300, 10), (1111, 1), (3000, 10), (3000, 90)])
def test_the_kth_distance_is_that_of_the_kth_nearest(n, k, spread):
    rng = np.random.default_rng(11)
    known, queries = clustered(rng, n, 19, spread), clustered(rng, 40, 19, spread)
    known[rng.integers(0, n, n // 50)] = 0
    queries[:2] = 0
    known = Directions.of(known.astype(np.float16))
    queries = np.concatenate([queries, known.unit[:20]]).astype(np.float16)
    expected = nearest(known, queries, k).distances[:, -1]
    np.testing.assert_array_equal(kth_distance(known, queries, k), expected)
    np.testing.assert_allclose(expected, naive(known.unit, queries, k)[0][:, -1], atol=2e-7)


@pytest.mark.parametrize("n_columns", [1, 5, 256, 257, 511, 512, 4000])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_the_largest_of_a_row_are_all_found(n_columns, k):
    """Also where the largest stand side by side, or at one place of every run, and where numbers repeat."""
    k = min(k, n_columns)
    rng = np.random.default_rng(12)
    products = rng.normal(size=(50, n_columns)).astype(np.float32).round(2)
    products[0].sort()
    products[1, :: max(1, n_columns // 15)] += 9
    products[2] = 0
    slack = np.float32(0.05)
    found = search._largest(products, k, slack)
    least = np.sort(products, axis=1)[:, -k] - slack
    wanted = {(i, j) for i, j in np.argwhere(products >= least[:, None]).tolist()}
    pairs = list(zip(found.row.tolist(), found.column.tolist(), strict=True))
    assert wanted <= set(pairs)
    assert len(set(pairs)) == len(pairs)
    assert (np.diff(found.row) >= 0).all()
    np.testing.assert_array_equal(found.product, products[found.row, found.column])


def test_few_more_than_k_are_measured():
    rng = np.random.default_rng(13)
    known = Directions.of(rng.normal(size=(4000, 32)))
    close = search._close(known, search.unit(rng.normal(size=(200, 32))), 10)
    assert 10 * 200 <= len(close.row) < 11 * 200


def test_the_kth_distance_of_none_and_of_too_many():
    known = Directions.of(np.eye(3))
    assert kth_distance(known, np.empty((0, 3)), 2).shape == (0,)
    with pytest.raises(ShapeError, match="k of at most the 3 known pairs, received 4"):
        kth_distance(known, np.eye(3), 4)
    with pytest.raises(ShapeError, match="expected 3 features, received 4"):
        kth_distance(known, np.eye(4), 1)


def cloud(n, width, depth, rng):
    """Vectors that vary along few directions mostly, and a little along all."""
    return rng.normal(size=(n, depth)) @ rng.normal(size=(depth, width)) + 0.3 * rng.normal(size=(n, width))


@pytest.mark.parametrize("k", [1, 10])
@pytest.mark.parametrize("copies", [1, 2])
def test_one_pair_among_many_is_as_among_others(monkeypatch, copies, k):
    """Though by an outline it is looked for among a few of them, where that leaves a few."""
    rng = np.random.default_rng(11)
    every = cloud(1230, 300, 10, rng)
    known = Directions.of(np.repeat(every[30:], copies, axis=0))
    far = rng.normal(size=(10, 300)) + 5
    queries = np.concatenate([every[:30], every[30:40], far, np.zeros((1, 300))]).astype(np.float32)
    together = nearest(known, queries, k)
    monkeypatch.setattr(search, "MANY_NUMBERS", 1)
    looked_at = [search._columns(known, search.unit(query[None]), k) for query in queries]
    assert sum(not isinstance(one, slice) for one in looked_at) >= 30
    assert isinstance(looked_at[-1], slice)
    alone = [nearest(known, query[None], k) for query in queries]
    np.testing.assert_array_equal(np.concatenate([one.distances for one in alone]), together.distances)
    np.testing.assert_array_equal(np.concatenate([one.rows for one in alone]), together.rows)


@pytest.mark.parametrize("depth", [3, 200])
def test_an_outline_bounds_every_product(depth):
    rng = np.random.default_rng(12)
    known = Directions.of(cloud(400, 250, depth, rng))
    queries = search.unit(np.concatenate([cloud(20, 250, depth, rng), rng.normal(size=(20, 250))]))
    products = queries.astype(np.float64) @ known.unit.T.astype(np.float64)
    bounds = np.stack([known.outline.bounds(query) for query in queries])
    assert (bounds >= products - 1e-6).all()
    assert (known.outline.bounds(known.unit[0]) < 1.1).all()
    np.testing.assert_allclose(known.outline.axes.T @ known.outline.axes, np.eye(128), atol=1e-5)


def test_none_and_too_many():
    known = Directions.of(np.eye(3))
    found = nearest(known, np.empty((0, 3)), 2)
    assert found.distances.shape == found.rows.shape == (0, 2)
    with pytest.raises(ShapeError, match="k of at most the 3 known pairs, received 4"):
        nearest(known, np.eye(3), 4)
    with pytest.raises(ShapeError, match="expected 3 features, received 4"):
        nearest(known, np.eye(4), 1)


def test_a_draw_depends_on_the_pairs_and_not_on_their_order():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(500, 4)).astype(np.float32)
    order = rng.permutation(500)
    rows = drawn(features, 100)
    assert len(set(rows.tolist())) == 100
    assert (np.diff(rows) > 0).all()
    assert set(order[drawn(features[order], 100)].tolist()) == set(rows.tolist())
    assert set(rows.tolist()) <= set(drawn(features, 101).tolist())
    assert drawn(features, 500).tolist() == list(range(500))


def test_a_draw_is_spread_over_the_pairs():
    features = np.arange(10_000.0)[:, None]
    per_thousand = np.bincount(drawn(features, 1000) // 1000, minlength=10)
    assert (np.abs(per_thousand - 100) < 40).all()


def test_rows_are_those_before_the_draw():
    features = np.random.default_rng(6).normal(size=(60, 4))
    known = Directions.of(features, 20)
    assert len(known) == 20
    found = nearest(known, features[known.rows], 1)
    assert found.rows[:, 0].tolist() == known.rows.tolist() == drawn(features, 20).tolist()
    assert (found.distances == 0).all()
