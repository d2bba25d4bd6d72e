import numpy as np

from darl.selection.cluster_representative import ClusterRepresentative
from tests.selection.made import candidates
from tests.selection.test_representatives import clouds


def select(features, n, seed=0):
    some = candidates(np.zeros(len(features)), features=features)
    return ClusterRepresentative().select(some, n, np.random.default_rng(seed))


def test_one_of_each_cloud_large_clouds_first():
    features, cloud = clouds([60, 40, 30, 20, 10])
    for seed in range(10):
        assert cloud[select(features, 5, seed)].tolist() == [0, 1, 2, 3, 4]


def test_it_is_the_pair_nearest_to_the_middle():
    """With clouds this far apart the clusters are the clouds, and their centres the clouds' means."""
    features, cloud = clouds([30, 20, 10])
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)

    def nearest(which):
        mean = unit[cloud == which].mean(axis=0)
        return min(np.flatnonzero(cloud == which), key=lambda i: np.linalg.norm(unit[i] - mean))

    assert select(features, 3).tolist() == [nearest(which) for which in range(3)]


def test_the_order_of_the_pool_does_not_count():
    features, _ = clouds([30, 20, 10])
    shuffled = np.random.default_rng(0).permutation(60)
    assert shuffled[select(features[shuffled], 3)].tolist() == select(features, 3).tolist()


def test_lengths_and_precision_do_not_count():
    features, _ = clouds([30, 20, 10])
    large = (features * 5000).astype(np.float16)
    assert np.abs(large).max() > 40_000
    assert select(large, 3).tolist() == select(large.astype(np.float64), 3).tolist()
