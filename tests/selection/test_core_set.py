from itertools import combinations

import numpy as np
import pytest

from darl.selection import core_set
from darl.selection.core_set import CoreSet
from tests.selection.made import candidates
from tests.selection.test_representatives import clouds


def select(features, known, n, seed=0):
    some = candidates(np.zeros(len(features)), features=features, known=known)
    return CoreSet().select(some, n, np.random.default_rng(seed)).tolist()


def directions(features):
    return [row / np.linalg.norm(row) for row in np.asarray(features, dtype=np.float64)]


def greedy(features, known, n):
    """The formula, one distance after another."""
    pool, centres, taken = directions(features), directions(known), []
    if not centres:
        mean = sum(pool) / len(pool)
        taken = [min(range(len(pool)), key=lambda i: np.linalg.norm(pool[i] - mean))]
        centres = [pool[taken[0]]]
    while len(taken) < n:
        left = [i for i in range(len(pool)) if i not in taken]
        furthest = max(left, key=lambda i: min(np.linalg.norm(pool[i] - centre) for centre in centres))
        taken.append(furthest)
        centres.append(pool[furthest])
    return taken


@pytest.mark.parametrize("n_known", [0, 1, 40])
@pytest.mark.parametrize(("group", "at_a_time"), [(512, 256), (4, 3), (1, 1)])
def test_formula(n_known, group, at_a_time, monkeypatch):
    """However the work is cut up."""
    monkeypatch.setattr(core_set, "GROUP", group)
    monkeypatch.setattr(core_set, "CENTRES_AT_A_TIME", at_a_time)
    monkeypatch.setattr(core_set, "FIRST_CENTRES", at_a_time)
    monkeypatch.setattr(core_set, "KEPT", 3 * group * 5)
    rng = np.random.default_rng(n_known)
    features, known = rng.normal(size=(70, 5)) + 0.3, rng.normal(size=(n_known, 5))
    assert select(features, known, 25) == greedy(features, known, 25)
    assert sorted(select(features, known, 70)) == list(range(70))


@pytest.mark.parametrize(("n", "first"), [(4000, 256), (300, 256), (7, 256), (256, 256), (0, 256), (9, 1)])
def test_the_first_centres_are_from_everywhere(n, first):
    order = core_set._spread(n, first)
    assert sorted(order) == list(range(n))
    gaps = np.diff(np.sort(order[:first]))
    assert not len(gaps) or gaps.max() <= n / first + 1


def test_formula_on_a_pool_of_many_blocks():
    rng = np.random.default_rng(5)
    features, known = rng.normal(size=(5000, 8)), rng.normal(size=(3, 8))
    assert select(features, known, 4) == greedy(features, known, 4)


def test_it_keeps_away_from_what_is_known():
    features, cloud = clouds([40, 30, 20, 10])
    known = features[cloud == 0][:3]
    assert sorted(cloud[select(features, known, 3)]) == [1, 2, 3]
    assert sorted(cloud[select(features, features[cloud == 3][:1], 3)]) == [0, 1, 2]


def test_duplicates_of_known_and_of_taken_come_last():
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(6, 384)), rng.normal(size=(5, 384))
    features = np.concatenate([known * 3, new, new])
    chosen = select(features, known, 16)
    assert sorted((np.array(chosen[:5]) - 6) % 5) == [0, 1, 2, 3, 4]


def test_equals_come_in_random_order():
    firsts = {select(np.eye(5)[[0] * 4 + [1] * 4], np.eye(5)[:1], 1, seed)[0] for seed in range(100)}
    assert firsts == {4, 5, 6, 7}


def test_the_order_of_the_pool_does_not_count():
    rng = np.random.default_rng(1)
    features, known, shuffled = rng.normal(size=(50, 6)), rng.normal(size=(4, 6)), rng.permutation(50)
    assert shuffled[select(features[shuffled], known, 12, seed=3)].tolist() == select(features, known, 12)


def radius(features, known, taken):
    pool = directions(features)
    centres = directions(known) + [pool[i] for i in taken]
    return max(min(np.linalg.norm(z - centre) for centre in centres) for z in pool)


def test_the_radius_is_at_most_twice_the_smallest():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        features, known = rng.normal(size=(9, 3)), rng.normal(size=(2, 3))
        best = min(radius(features, known, taken) for taken in combinations(range(9), 3))
        assert radius(features, known, select(features, known, 3)) <= 2 * best + 1e-6


def test_lengths_do_not_count_nor_overflow():
    rng = np.random.default_rng(2)
    features, known = rng.normal(size=(40, 6)), rng.normal(size=(4, 6))
    long = (features * 15_000).astype(np.float16)
    assert np.abs(long).max() > 30_000
    assert select(long, known, 10) == select(long.astype(np.float64) / 15_000, known, 10)
