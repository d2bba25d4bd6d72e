import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection.representatives import MOST_CLUSTERS, even_shares, representatives


def clouds(sizes, n_features=8, spread=0.05, seed=0):
    """Features around as many axes as there are sizes, of very different lengths, and each one's cloud."""
    rng = np.random.default_rng(seed)
    cloud = np.repeat(np.arange(len(sizes)), sizes)
    features = np.eye(n_features)[cloud] + rng.normal(scale=spread, size=(len(cloud), n_features))
    return features * rng.uniform(0.1, 10, size=(len(cloud), 1)), cloud


def test_one_of_each_cloud_first_large_clouds_before_small():
    features, cloud = clouds([60, 40, 30, 20, 10])
    order = representatives(features, np.zeros(160, dtype=int), 5, np.random.default_rng(0))
    assert cloud[order[:5]].tolist() == [0, 1, 2, 3, 4]
    assert sorted(cloud[order[5:10]]) == [0, 1, 2, 3, 4]


def test_the_first_of_a_cloud_is_near_its_middle():
    features, cloud = clouds([60, 40])
    order = representatives(features, np.zeros(100, dtype=int), 2, np.random.default_rng(0))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for first in order[:2]:
        mates = unit[cloud == cloud[first]]
        distances = np.linalg.norm(mates - mates.mean(axis=0), axis=1)
        own = np.linalg.norm(unit[first] - mates.mean(axis=0))
        assert own <= np.quantile(distances, 0.2)


def test_duplicates_give_way_to_others():
    """A pair shown forty times is one cluster, so that it takes one place and not forty."""
    features, cloud = clouds([40, 1, 1, 1], spread=0.0)
    order = representatives(features, np.zeros(43, dtype=int), 4, np.random.default_rng(0))
    assert sorted(cloud[order[:4]]) == [0, 1, 2, 3]


def test_groups_take_turns():
    features, _ = clouds([50, 50])
    groups = np.arange(100) % 3 * 2
    order = representatives(features, groups, 9, np.random.default_rng(0))
    assert groups[order[:9]].tolist() == [0, 2, 4] * 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 50), st.integers(0, 5))
def test_every_index_once(groups, n, seed):
    rng = np.random.default_rng(seed)
    order = representatives(rng.integers(0, 3, size=(len(groups), 2)), np.array(groups), n, rng)
    assert sorted(order.tolist()) == list(range(len(groups)))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.data())
def test_even_shares_are_as_even_as_sizes_allow(groups, data):
    n = data.draw(st.integers(0, len(groups)))
    shares = even_shares(np.array(groups), n)
    assert sum(shares.values()) == n
    assert shares.keys() == set(groups)
    open_shares = [share for group, share in shares.items() if share < groups.count(group)]
    assert all(share <= groups.count(group) for group, share in shares.items())
    assert not open_shares or max(shares.values()) - min(open_shares) <= 1


def test_large_pools_take_seconds():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(10_000, 256)).astype(np.float32)
    start = time.process_time()
    order = representatives(features, np.zeros(10_000, dtype=int), 2 * MOST_CLUSTERS, rng)
    assert sorted(order.tolist()) == list(range(10_000))
    assert time.process_time() - start < 20
