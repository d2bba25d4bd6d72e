import numpy as np
from threadpoolctl import threadpool_limits

from darl.selection import clusters
from darl.selection.clusters import centres, fitted_rows, nearest_centre
from darl.vectors import unit
from tests.selection.test_representatives import clouds


def labels(features, found):
    return nearest_centre(features, np.arange(len(features)), found)[0]


def test_no_cloud_is_left_out():
    features, cloud = clouds([60, 40, 30, 20, 10])
    for seed in range(30):
        cluster = labels(features, centres(unit(features), 5, np.random.default_rng(seed)))
        assert len(set(zip(cluster, cloud, strict=True))) == 5


def test_a_sample_finds_the_clouds_of_all(monkeypatch):
    monkeypatch.setattr(clusters, "MOST_FITTED", 60)
    features, cloud = clouds([300, 200, 100])
    rng = np.random.default_rng(0)
    rows = fitted_rows(600, rng)
    assert len(set(rows.tolist())) == 60
    cluster = labels(features, centres(unit(features[rows]), 3, rng))
    assert len(set(zip(cluster, cloud, strict=True))) == 3


def test_few_rows_are_all_fitted():
    assert fitted_rows(7, np.random.default_rng(0)).tolist() == list(range(7))


def test_repeated_vectors_make_fewer_centres():
    found = centres(unit(np.repeat(np.eye(3), 4, axis=0)), 8, np.random.default_rng(0))
    np.testing.assert_allclose(np.sort(found @ np.arange(3)), [0, 1, 2], atol=1e-6)


def test_nearest_centre_formula():
    rng = np.random.default_rng(1)
    features, found = rng.normal(size=(5000, 3)), rng.normal(size=(6, 3)).astype(np.float32)
    rows = rng.permutation(5000)[:4500]
    cluster, squared = nearest_centre(features, rows, found)
    directions = features[rows] / np.linalg.norm(features[rows], axis=1, keepdims=True)
    expected = np.linalg.norm(directions[:, None] - found, axis=2) ** 2
    np.testing.assert_allclose(squared, expected.min(axis=1), atol=1e-5)
    np.testing.assert_allclose(expected[np.arange(4500), cluster], expected.min(axis=1), atol=1e-5)


def test_equal_seeds_give_equal_centres_with_any_number_of_threads():
    vectors = unit(np.random.default_rng(0).normal(size=(4000, 64)))
    found = set()
    for threads in (1, 4, 4, 4):
        with threadpool_limits(threads, user_api="openmp"):
            found.add(centres(vectors, 50, np.random.default_rng(1)).tobytes())
    assert len(found) == 1
