import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection import isolation
from darl.selection.dasa import Dasa
from darl.selection.isolation import isolated
from darl.selection.margin import Margin
from darl.selection.most_ood import MostOOD
from darl.selection.ood_band import OODBand
from darl.selection.random import Random
from darl.selection.without_junk import WithoutJunk
from tests.selection.junk import JUNK, NEW, USUAL, pool
from tests.selection.made import candidates

KINDS = pytest.mark.parametrize("kind", ["directions", "noise", "text"])
SEEDS = pytest.mark.parametrize("seed", range(4))


def rng(seed=0):
    return np.random.default_rng(seed)


def select(strategy, some, n, seed=0, **options):
    return WithoutJunk(strategy, **options).select(some, n, rng(seed))


@KINDS
@SEEDS
@pytest.mark.parametrize(
    "strategy", [Dasa(), Random(), MostOOD(), OODBand(), Margin()], ids=lambda s: type(s).__name__
)
def test_the_choice_is_next_to_free_of_junk(kind, seed, strategy):
    some, what = pool(kind, seed)
    assert (what[select(strategy, some, 100, seed)] == JUNK).mean() < 0.02


@KINDS
def test_these_pools_are_hard_for_the_strategies_alone(kind):
    some, what = pool(kind, 0)
    assert (what[MostOOD().select(some, 100, rng())] == JUNK).mean() > 0.75
    assert (what[Random().select(some, 1000, rng())] == JUNK).mean() > 0.07


@KINDS
@SEEDS
def test_new_traffic_is_no_junk(kind, seed):
    some, what = pool(kind, seed)
    alone = isolated(some, 5, 3.0, rng(seed))
    assert alone[what == NEW].mean() <= 0.1
    assert alone[what == USUAL].mean() <= 0.02
    chosen = what[select(MostOOD(), some, 50, seed)]
    assert (chosen == NEW).mean() > 0.7


@KINDS
def test_a_third_of_the_pool_may_be_junk(kind):
    some, what = pool(kind, 5, share=0.3)
    assert (what[select(Random(), some, 200)] == JUNK).mean() < 0.02


def naive(some, k, deviations):
    """All pairs with all, and the formula of the docstring."""

    def distance(left, right):
        return np.linalg.norm(left / (np.linalg.norm(left) or 1) - right / (np.linalg.norm(right) or 1))

    features, queries = some.predictions.features, some.query_ids
    near, every = [], []
    for i, pair in enumerate(features):
        others = [distance(pair, features[j]) for j in range(len(features)) if queries[j] != queries[i]]
        others += [distance(pair, known) for known in some.known]
        near.append(sorted(others)[k - 1])
        every += others
    usual = np.median(near)
    limit = usual + deviations * 1.4826 * np.median(np.abs(near - usual))
    return np.array(near), max(limit, np.sqrt(np.mean(np.square(every))) / 2)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 5), deviations=st.sampled_from([0.0, 1.0, 3.0]))
def test_against_all_pairs_with_all(seed, k, deviations):
    """Groups of other widths, so that the half distance does not decide."""
    made = rng(seed)
    spread = made.choice([0.3, 0.5, 2.0], size=60)
    features = made.normal(size=(60, 3)) * spread[:, None] + 1
    queries = made.integers(0, 30, size=60)
    some = candidates(np.zeros(60), features=features, queries=queries, known=made.normal(size=(6, 3)) + 1)
    near, limit = naive(some, k, deviations)
    clear = np.abs(near - limit) > 1e-4  # what float32 can tell
    np.testing.assert_array_equal(isolated(some, k, deviations, rng())[clear], near[clear] > limit)


def crowd(n, at, width=8, spread=0.05, seed=0):
    """n pairs about the axis `at`."""
    return np.eye(width)[at] + spread * rng(seed + at).normal(size=(n, width))


def test_pairs_of_one_query_do_not_vouch_for_one_another():
    features = np.concatenate([crowd(200, 0), crowd(20, 1)])
    one_query = [f"q{i}" for i in range(200)] + ["spam"] * 20
    some = candidates(np.zeros(220), features=features, queries=one_query, known=crowd(20, 2))
    assert np.flatnonzero(isolated(some, 5, 6.0, rng())).tolist() == list(range(200, 220))
    many = candidates(np.zeros(220), features=features, known=crowd(20, 2))
    assert not isolated(many, 5, 6.0, rng())[200:].any()


def test_what_is_near_known_pairs_is_no_junk():
    features = np.concatenate([crowd(100, 0), crowd(1, 1), crowd(1, 2)])
    some = candidates(np.zeros(102), features=features, known=crowd(10, 1, seed=1))
    assert np.flatnonzero(isolated(some, 5, 6.0, rng())).tolist() == [101]


def test_a_pool_of_copies_does_not_make_the_rest_junk():
    made = rng()
    copies = np.tile(made.normal(size=8), (120, 1)) * made.uniform(0.5, 2, size=(120, 1))
    features = np.concatenate([copies, crowd(80, 3, spread=0.1)])
    some = candidates(np.zeros(200), features=features, known=crowd(3, 3))
    assert not isolated(some, 5, 3.0, rng()).any()


@pytest.mark.parametrize("known", [0, 2, 10])
def test_without_other_queries_only_known_pairs_count(known):
    features = np.concatenate([crowd(30, 0), crowd(1, 1)])
    some = candidates(np.zeros(31), features=features, queries=["q"] * 31, known=crowd(10, 0, seed=9)[:known])
    expected = [30] if known >= 5 else []
    assert np.flatnonzero(isolated(some, 5, 6.0, rng())).tolist() == expected


def test_junk_comes_last_and_by_the_other_strategy():
    some, what = pool("directions", 0)
    junk = isolated(some, 5, 3.0, rng())
    n_clean = int((~junk).sum())
    chosen = select(MostOOD(), some, n_clean + 50)
    assert not junk[chosen[:n_clean]].any()
    assert some.ood_scores[chosen[n_clean:]].tolist() == sorted(some.ood_scores[junk], reverse=True)[:50]
    assert (what[junk] == JUNK).mean() > 0.9


def test_less_deviations_are_more_junk():
    some, _ = pool("text", 1)
    flagged = [isolated(some, 5, deviations, rng()).sum() for deviations in (0, 1, 2, 3, 10)]
    assert flagged == sorted(flagged, reverse=True)
    assert 900 < flagged[0] < 1100
    assert flagged[-1] == 0


def test_a_sample_is_enough(monkeypatch):
    """A quarter of the pool for neighbours, of which a few at a time."""
    monkeypatch.setattr(isolation, "MOST_SAMPLED", 500)
    monkeypatch.setattr(isolation, "AT_A_TIME", 64)
    some, what = pool("noise", 2)
    alone = isolated(some, 5, 3.0, rng())
    assert alone[what == JUNK].mean() > 0.98
    assert alone[what != JUNK].mean() < 0.02


def test_large_pools_take_seconds():
    made = rng()
    width, n = 128, 60_000
    centres = made.normal(size=(50, width))
    features = centres[made.integers(50, size=n)] + 0.3 * made.normal(size=(n, width))
    features[::10] = made.normal(size=(n // 10, width))
    known = centres[made.integers(50, size=9000)] + 0.3 * made.normal(size=(9000, width))
    some = candidates(
        np.zeros(n),
        features=features.astype(np.float16),
        queries=made.integers(0, n // 10, size=n),
        known=known.astype(np.float16),
    )
    start = time.process_time()
    alone = isolated(some, 5, 3.0, made)
    spent = time.process_time() - start
    assert alone[::10].all()
    assert alone.mean() < 0.11
    assert spent < 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k: expected an integer of at least 1, received 0"),
        ({"k": 5.0}, "k: .* received 5.0"),
        ({"deviations": -1}, "deviations: expected a finite number of at least 0, received -1"),
        ({"deviations": float("inf")}, "deviations: .* received inf"),
        ({"deviations": float("nan")}, "deviations: .* received nan"),
        ({"deviations": True}, "deviations: .* received True"),
        ({"deviations": "3"}, "deviations: .* received '3'"),
        ({"strategy": "random"}, "strategy: expected a selection strategy, received 'random'"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        WithoutJunk(**options)
