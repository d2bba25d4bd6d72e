from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection.ood_sampling import OODSampling, ood_probability
from tests.selection.made import candidates


def scores_of(n_in, n_ood, shift, seed=0):
    """Scores of a pool whose last pairs are `shift` standard deviations off, and of 500 held-out pairs."""
    rng = np.random.default_rng(seed)
    pool = np.concatenate([rng.normal(size=n_in), rng.normal(shift, 1, size=n_ood)])
    return pool, rng.normal(size=500)


def chosen_share(pool, held_out, n_in, n=100, **options):
    """Share of what is chosen that comes from the last pairs; mean over ten draws."""
    some = candidates(pool, in_dist=held_out)
    picks = [OODSampling(**options).select(some, n, np.random.default_rng(seed)) for seed in range(10)]
    return float(np.mean(np.concatenate(picks) >= n_in))


def test_where_the_sides_are_apart_nearly_all_is_new():
    pool, held_out = scores_of(1600, 400, shift=8)
    probability = ood_probability(pool, held_out)
    assert probability[1600:].mean() > 0.95
    assert probability[:1600].mean() < 0.05
    assert chosen_share(pool, held_out, 1600, explore=0) > 0.8
    assert 0.6 < chosen_share(pool, held_out, 1600, explore=0.05) < 0.8


def test_the_probability_is_that_of_the_mixture():
    """Against the true P(ood | s) of two normal densities."""
    pool, _ = scores_of(16_000, 4_000, shift=3)
    found = ood_probability(pool, np.random.default_rng(1).normal(size=10_000))
    true = 1 / (1 + 4 * np.exp(-0.5 * pool**2 + 0.5 * (pool - 3) ** 2))
    assert np.abs(found - true).mean() < 0.03
    assert 0.15 < found.mean() < 0.2  # on the cautious side


def test_where_the_detector_is_blind_it_is_random_selection():
    pool, held_out = scores_of(1600, 400, shift=0)
    assert chosen_share(pool, held_out, 1600, explore=0.05) == pytest.approx(0.2, abs=0.05)
    # No score is preferred: their places among all are even.
    some = candidates(pool, in_dist=held_out)
    picks = np.concatenate([OODSampling().select(some, 100, np.random.default_rng(i)) for i in range(20)])
    places = np.argsort(np.argsort(pool))[picks] / len(pool)
    assert places.mean() == pytest.approx(0.5, abs=0.1)


def test_within_what_is_new_the_draw_does_not_care_how_new():
    pool, held_out = scores_of(1000, 1000, shift=12)
    some = candidates(pool, in_dist=held_out)
    picks = np.concatenate(
        [OODSampling(explore=0).select(some, 50, np.random.default_rng(i)) for i in range(40)]
    )
    new = picks[picks >= 1000]
    assert pool[new].mean() == pytest.approx(pool[1000:].mean(), abs=0.1)


def test_explore_everything_is_random():
    some = candidates(np.arange(10.0), in_dist=[0.0, 1.0])
    rng = np.random.default_rng(0)
    strategy = OODSampling(explore=1.0)
    counts = np.bincount(np.concatenate([strategy.select(some, 3, rng) for _ in range(1000)]), minlength=10)
    assert (np.abs(counts - 300) < 60).all()


def test_the_cap_holds_while_other_queries_can_give():
    queries = ["big"] * 90 + [f"q{i}" for i in range(10)]
    some = candidates(np.full(100, 12.0), queries=queries, in_dist=np.linspace(0, 10, 101))
    rng = np.random.default_rng(0)
    counts = Counter(some.query_ids[OODSampling().select(some, 12, rng)])
    assert counts["big"] <= 3
    assert len(counts) >= 10
    assert Counter(some.query_ids[OODSampling(per_query=None).select(some, 12, rng)])["big"] > 3
    assert len(set(OODSampling().select(some, 100, rng))) == 100


@settings(deadline=None, max_examples=60)
@given(
    pool=st.lists(st.integers(-5, 20), min_size=1, max_size=40),
    held_out=st.lists(st.integers(-5, 20), min_size=1, max_size=40),
)
def test_probabilities_never_fall_with_the_score(pool, held_out):
    found = ood_probability(np.array(pool, float), np.array(held_out, float))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(pool, kind="stable")]) >= -1e-9).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"explore": 1.5}, r"explore: expected a number in \[0, 1\], received 1.5"),
        ({"explore": True}, r"explore: expected a number in \[0, 1\], received True"),
        ({"per_query": 0}, "per_query: expected an integer of at least 1 or None, received 0"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OODSampling(**options)
