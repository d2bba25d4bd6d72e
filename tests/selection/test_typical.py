import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.selection import typical
from darl.selection.typical import Typical, cluster_turns, mean_distance
from tests.selection.made import candidates
from tests.selection.test_representatives import clouds


def select(features, known, n, seed=0, **options):
    some = candidates(np.zeros(len(features)), features=features, known=known)
    return Typical(**options).select(some, n, np.random.default_rng(seed)).tolist()


def naive_mean_distance(features, rows, k):
    unit = [row / np.linalg.norm(row) for row in features[rows].astype(np.float64)]
    result = []
    for i, x in enumerate(unit):
        distances = sorted(np.linalg.norm(x - y) for j, y in enumerate(unit) if j != i)
        result.append(sum(distances[:k]) / len(distances[:k]))
    return result


def naive_turns(cluster, n_known, n):
    filled, left = list(n_known), [int((cluster == c).sum()) for c in range(len(n_known))]
    size = [known + pool for known, pool in zip(filled, left, strict=True)]
    turns = []
    while len(turns) < n:
        c = min((c for c in range(len(left)) if left[c]), key=lambda c: (size[c] < 5, filled[c], -size[c], c))
        turns.append(c)
        filled[c] += 1
        left[c] -= 1
    return turns


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data())
def test_turns(cluster, data):
    n_known = data.draw(st.lists(st.integers(0, 6), min_size=5, max_size=5))
    n = data.draw(st.integers(0, len(cluster)))
    turns = cluster_turns(np.array(cluster), np.array(n_known), n)
    assert turns.tolist() == naive_turns(np.array(cluster), n_known, n)


@pytest.mark.parametrize("k", [1, 3, 20, 100])
def test_mean_distance_formula(k):
    rng = np.random.default_rng(0)
    features, rows = rng.normal(size=(80, 5)).astype(np.float32), rng.permutation(80)[:30]
    expected = naive_mean_distance(features, rows, k)
    np.testing.assert_allclose(mean_distance(features, rows, k, rng), expected, rtol=1e-4)


def test_mean_distance_of_a_pair_alone_is_0():
    rng = np.random.default_rng(0)
    assert mean_distance(np.ones((3, 2)), np.array([1]), 20, rng).tolist() == [0]


def test_large_clusters_look_for_neighbours_in_a_sample(monkeypatch):
    """Nobody is their own neighbour, and the middle of a crowd stays its densest part."""
    monkeypatch.setattr(typical, "MOST_NEIGHBOURS", 100)
    rng = np.random.default_rng(0)
    features = np.array([1.0, 0, 0]) + rng.normal(scale=0.1, size=(5000, 3))
    distance = mean_distance(features, np.arange(5000), 5, rng)
    off_centre = np.linalg.norm(features[:, 1:], axis=1)
    assert distance.min() > 1e-3
    assert off_centre[distance.argsort()[:50]].max() < np.median(off_centre)


@pytest.mark.parametrize("k", [3, 20])
def test_formula_where_clusters_are_plain(k, monkeypatch):
    """Clouds far apart are the clusters; the rest is counted and measured one by one."""
    features, cloud = clouds([40, 25, 15, 8])
    known = features[cloud == 0][:2] * 1.001
    monkeypatch.setattr(typical, "MOST_CLUSTERS", 4)
    turns = naive_turns(cloud, [2, 0, 0, 0], 12)
    expected = [0] * 12
    for c in range(4):
        rows, places = np.flatnonzero(cloud == c), [i for i, turn in enumerate(turns) if turn == c]
        ranked = rows[np.argsort(naive_mean_distance(features, rows, k))]
        for place, row in zip(places, ranked, strict=False):
            expected[place] = int(row)
    for seed in range(5):
        assert select(features, known, 12, seed, k=k) == expected


def test_clusters_without_labels_come_first_the_largest_before_the_others():
    features, cloud = clouds([40, 30, 20, 10])
    known = features[cloud == 0][:1]
    assert cloud[select(features, known, 3)].tolist() == [1, 2, 3]


def test_it_takes_the_dense_part_of_a_cluster():
    rng = np.random.default_rng(0)
    spread = np.concatenate([np.full(30, 0.02), np.full(30, 0.3)])
    features = np.eye(6)[[0] * 60] + rng.normal(size=(60, 6)) * spread[:, None]
    assert select(features, np.empty((0, 6)), 1)[0] < 30


def test_odd_ones_out_wait(monkeypatch):
    monkeypatch.setattr(typical, "MOST_CLUSTERS", 4)
    features, cloud = clouds([20, 20, 1, 1])
    chosen = cloud[select(features, np.empty((0, 8)), 42)]
    assert set(chosen[:40]) == {0, 1}
    assert set(chosen[40:]) == {2, 3}


def test_a_sample_places_the_centres_of_large_pools(monkeypatch):
    monkeypatch.setattr("darl.selection.clusters.MOST_FITTED", 100)
    features, cloud = clouds([300, 200, 100])
    known = features[cloud == 0][:1]
    assert cloud[select(features, known, 2)].tolist() == [1, 2]


def test_the_order_of_the_pool_does_not_count():
    features, cloud = clouds([40, 30, 20])
    shuffled = np.random.default_rng(0).permutation(90)
    known = features[cloud == 0][:1]
    assert shuffled[select(features[shuffled], known, 2)].tolist() == select(features, known, 2)


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "20", None])
def test_k_is_checked(k):
    with pytest.raises(ValueError, match="k: expected an integer of at least 1, received"):
        Typical(k=k)
