from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection.ood_sampling import OODSampling, first_slowed, ood_probability, slowed
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
    assert chosen_share(pool, held_out, 1600, explore=0) > 0.95
    for explore in (0.1, 0.3, 0.6):
        # What is drawn by chance is new one time in five.
        wanted = 1 - explore * 0.8
        assert chosen_share(pool, held_out, 1600, explore=explore) == pytest.approx(wanted, abs=0.06)


@pytest.mark.parametrize(
    ("new", "n"), [(20, 100), (100, 100), (100, 400), (100, 800), (400, 400), (1000, 100)]
)
def test_of_what_is_new_much_is_taken_also_where_it_is_rare(new, n):
    """Also of two queries beside two hundred: a cap of three would leave six of twenty."""
    pool, held_out = scores_of(2000 - new, new, shift=9)
    queries = [f"q{i // 10}" for i in range(2000 - new)] + [f"new{i // 10}" for i in range(new)]
    some = candidates(pool, queries=queries, in_dist=held_out)
    picks = [OODSampling().select(some, n, np.random.default_rng(seed)) for seed in range(10)]
    found = np.mean([(one >= 2000 - new).sum() for one in picks])
    assert found > 0.4 * min(new, 0.7 * n)
    assert found > 1.2 * n * new / 2000


def test_the_probability_is_that_of_the_mixture():
    """Against the true P(ood | s) of two normal densities."""
    pool, _ = scores_of(16_000, 4_000, shift=3)
    found = ood_probability(pool, np.random.default_rng(1).normal(size=10_000))
    true = 1 / (1 + 4 * np.exp(-0.5 * pool**2 + 0.5 * (pool - 3) ** 2))
    assert np.abs(found - true).mean() < 0.03
    assert 0.15 < found.mean() < 0.2  # on the cautious side


def test_where_the_detector_is_blind_it_is_random_selection():
    pool, held_out = scores_of(1600, 400, shift=0)
    for explore in (0.0, 0.3):
        assert chosen_share(pool, held_out, 1600, explore=explore) == pytest.approx(0.2, abs=0.05)
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


def test_pairs_of_many_queries_are_drawn():
    queries = ["big"] * 90 + [f"q{i}" for i in range(10)]
    some = candidates(np.full(100, 12.0), queries=queries, in_dist=np.linspace(0, 10, 101))

    def of_big(**options):
        draws = [OODSampling(**options).select(some, 10, np.random.default_rng(seed)) for seed in range(50)]
        return np.mean([Counter(some.query_ids[one])["big"] for one in draws])

    assert of_big(spread=False) == pytest.approx(9, abs=0.5)
    assert of_big() == pytest.approx(7.5, abs=0.7)
    assert len(set(OODSampling().select(some, 100, np.random.default_rng(0)))) == 100


def test_after_k_draws_of_a_query_its_others_are_drawn_as_if_they_weighed_one_part_in_k_and_one():
    """Against the same process, a draw at a time."""
    queries = np.array(["a"] * 4 + ["b"] * 2 + ["c"])
    some = candidates(np.zeros(7), queries=list(queries), in_dist=[0.0, 1.0])
    rng, wanted = np.random.default_rng(0), Counter()
    for _ in range(4000):
        left, taken, order = list(range(7)), Counter(), []
        while len(order) < 4:
            weights = np.array([1 / (taken[queries[i]] + 1) for i in left])
            pick = rng.choice(left, p=weights / weights.sum())
            left.remove(pick)
            taken[queries[pick]] += 1
            order.append(queries[pick])
        wanted["".join(order)] += 1
    draws = [OODSampling().select(some, 4, np.random.default_rng(seed)) for seed in range(4000)]
    found = Counter("".join(queries[one]) for one in draws)
    for order, count in wanted.items():
        assert found[order] == pytest.approx(count, abs=6 * np.sqrt(count) + 6), order


@given(st.lists(st.tuples(st.floats(0, 9), st.sampled_from("abc")), min_size=1, max_size=30))
def test_what_is_slowed_arrives_in_the_order_of_its_label_and_not_before(arrivals):
    times, labels = np.array([time for time, _ in arrivals]), np.array([label for _, label in arrivals])
    found = slowed(times, labels)
    assert (found >= times - 1e-9).all()
    for label in set(labels):
        own = labels == label
        waits = np.diff(np.sort(times[own]), prepend=0.0) * np.arange(1, own.sum() + 1)
        np.testing.assert_allclose(np.sort(found[own]), waits.cumsum(), atol=1e-9)


def test_what_is_left_once_all_that_is_new_is_taken_is_random():
    pool, held_out = scores_of(940, 60, shift=9)
    some = candidates(pool, in_dist=held_out)
    picks = [OODSampling(explore=0).select(some, 100, np.random.default_rng(seed)) for seed in range(20)]
    for one in picks:
        assert (one >= 940).sum() >= 55
    rest = np.concatenate([one[one < 940] for one in picks])
    assert rest.mean() == pytest.approx(470, abs=60)


def test_a_held_out_pair_below_the_whole_pool_makes_nothing_new():
    held_out = np.linspace(0, 1, 1000)
    pool = np.concatenate([np.linspace(0.0001, 1, 80), np.full(20, 9.0)])
    found = ood_probability(pool, held_out)
    assert (found[:79] < 0.5).all()
    assert (found[80:] > 0.9).all()


@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 40), st.data())
def test_the_first_are_those_of_all(seed, size, queries, data):
    rng = np.random.default_rng(seed)
    times, labels = rng.exponential(size=size), rng.integers(queries, size=size)
    n = data.draw(st.integers(1, size))
    np.testing.assert_array_equal(first_slowed(times, labels, n), np.argsort(slowed(times, labels))[:n])


@settings(deadline=None, max_examples=60)
@given(
    pool=st.lists(st.integers(-5, 20), min_size=1, max_size=40),
    held_out=st.lists(st.integers(-5, 20), min_size=1, max_size=40),
)
def test_probabilities_never_fall_with_the_score(pool, held_out):
    found = ood_probability(np.array(pool, float), np.array(held_out, float))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found[np.argsort(pool, kind="stable")]) >= -1e-9).all()


@pytest.mark.parametrize("off", [1e-15, 2.2e-16, -2.2e-16])
def test_what_differs_by_rounding_is_no_shift(off):
    pool = np.concatenate([np.full(800, 0.5 + off), np.full(200, 3.0)])
    found = ood_probability(pool, np.full(400, 0.5))
    assert (found[:800] < 0.5).all()
    assert (found[800:] > 0.9).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e-14), min_size=1, max_size=60), st.integers(1, 60))
def test_scores_near_the_limit_of_numbers_have_probabilities(scores, held_out):
    found = ood_probability(np.array(scores), np.resize(np.array(scores)[::-1], held_out))
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"explore": 1.5}, r"explore: expected a number in \[0, 1\], received 1.5"),
        ({"explore": True}, r"explore: expected a number in \[0, 1\], received True"),
        ({"spread": 1}, "spread: expected true or false, received 1"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OODSampling(**options)
