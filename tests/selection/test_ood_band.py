from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection.ood_band import OODBand
from tests.selection.made import candidates, of_grades

IN_DIST = np.linspace(0, 10, 101)  # its 0.9 quantile is 9


def select(some, n, seed=0, **options):
    return OODBand(**options).select(some, n, np.random.default_rng(seed))


def test_bounds_are_those_quantiles():
    scores = np.arange(101) / 5  # 0 .. 20; its 0.95 quantile is 19
    chosen = select(candidates(scores, in_dist=IN_DIST), 51, upper=0.95)
    assert sorted(scores[chosen]) == [score for score in scores if 9 <= score <= 19]


def test_the_lower_bound_is_in_the_band():
    """Two representatives of ten equal pairs and another are one of the ten and the other."""
    features = np.eye(2)[[0] * 10 + [1, 1]]
    for score, taken in ((9.0, True), (8.9, False)):
        some = candidates([12.0] * 10 + [score, 1.0], features=features, in_dist=IN_DIST)
        chosen = select(some, 2, balance_grades=False)
        assert (10 in chosen) == taken


def test_never_junk_while_the_band_has_pairs():
    scores = np.concatenate([np.full(95, 12.0), np.full(5, 1000.0)])
    for seed in range(5):
        assert scores[select(candidates(scores, in_dist=IN_DIST), 40, seed, upper=0.95)].max() == 12


def test_a_small_band_is_widened_downwards_by_the_next_scores():
    scores = np.arange(21.0)  # the band is 9 .. 18, with upper=0.9
    some = candidates(scores, in_dist=IN_DIST)
    chosen = select(some, 14, upper=0.9)
    assert sorted(chosen[:10]) == list(range(9, 19))
    assert chosen[10:].tolist() == [8, 7, 6, 5]


def test_junk_is_last_and_smallest_first():
    scores = np.arange(21.0)
    chosen = select(candidates(scores, in_dist=IN_DIST), 21, upper=0.9)
    assert chosen[-2:].tolist() == [19, 20]


def test_an_empty_band_is_widened_too():
    scores = np.arange(11.0) / 10
    chosen = select(candidates(scores, in_dist=IN_DIST), 3, upper=0.9)
    assert chosen.tolist() == [9, 8, 7]


def test_cap_holds_while_other_queries_are_available():
    """One query fills 90 % of the band."""
    queries = ["big"] * 90 + [f"q{i}" for i in range(10)]
    some = candidates(np.full(100, 12.0), queries=queries, in_dist=IN_DIST)
    counts = Counter(some.query_ids[select(some, 12)])
    assert counts["big"] <= 3
    assert len(counts) >= 10
    assert Counter(some.query_ids[select(some, 12, per_query=None)])["big"] > 3


def test_other_queries_below_the_band_come_before_more_of_the_same():
    queries = ["big"] * 20 + [f"q{i}" for i in range(20)]
    scores = np.concatenate([np.full(20, 12.0), np.arange(20) / 10])
    some = candidates(scores, queries=queries, in_dist=IN_DIST)
    chosen = select(some, 10, upper=1)
    assert Counter(some.query_ids[chosen])["big"] == 3
    assert chosen[3:].tolist() == [39, 38, 37, 36, 35, 34, 33]
    assert set(select(some, 10, upper=1, per_query=None)) <= set(range(20))


def test_the_cap_rises_by_one_when_it_must():
    queries = ["a"] * 20 + ["b"] * 20 + ["c"] * 5
    some = candidates(np.full(45, 12.0), queries=queries, in_dist=IN_DIST)
    assert Counter(some.query_ids[select(some, 15)]) == {"a": 5, "b": 5, "c": 5}
    assert Counter(some.query_ids[select(some, 25)]) == {"a": 10, "b": 10, "c": 5}


def test_grades_take_turns_within_the_band():
    grades = [0] * 83 + [1] * 10 + [2] * 7
    some = candidates(np.full(100, 12.0), probs=of_grades(grades), in_dist=IN_DIST)
    balanced = Counter(some.predictions.grades[select(some, 27)].tolist())
    assert balanced == {0: 10, 1: 10, 2: 7}
    plain = Counter(some.predictions.grades[select(some, 27, balance_grades=False)].tolist())
    assert plain[0] >= 18


def test_grades_are_even_also_where_the_cap_bites():
    grades = [0] * 60 + [1] * 60
    queries = [f"q{i // 20}" for i in range(60)] + [f"r{i // 3}" for i in range(60)]
    some = candidates(np.full(120, 12.0), probs=of_grades(grades), queries=queries, in_dist=IN_DIST)
    chosen = select(some, 18)
    assert Counter(some.predictions.grades[chosen].tolist()) == {0: 9, 1: 9}
    assert max(Counter(some.query_ids[chosen]).values()) <= 3


def test_representatives_of_each_cloud():
    rng = np.random.default_rng(0)
    cloud = np.repeat(np.arange(4), [50, 20, 20, 10])
    features = np.eye(6)[cloud] + rng.normal(scale=0.03, size=(100, 6))
    some = candidates(np.full(100, 12.0), features=features, in_dist=IN_DIST)
    chosen = select(some, 4, balance_grades=False)
    assert sorted(cloud[chosen]) == [0, 1, 2, 3]


def test_explore_draws_from_the_whole_pool():
    scores = np.concatenate([np.zeros(900), np.full(100, 12.0)])
    some = candidates(scores, in_dist=IN_DIST)
    chosen = select(some, 50, explore=0.4)
    assert (scores[chosen[:30]] == 12).all()
    assert (scores[chosen[30:]] == 0).sum() >= 14
    assert (scores[select(some, 50)] == 12).all()


def test_explore_everything_is_random():
    some = candidates(np.arange(10.0), in_dist=IN_DIST)
    rng = np.random.default_rng(0)
    strategy = OODBand(explore=1.0)
    counts = np.bincount(np.concatenate([strategy.select(some, 3, rng) for _ in range(1000)]), minlength=10)
    assert (np.abs(counts - 300) < 60).all()


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_laws(data):
    """Junk last, the cap kept while it can be, and the band used up before anything below it."""
    n = data.draw(st.integers(2, 30))
    scores = np.array(data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n)), float)
    queries = data.draw(st.lists(st.sampled_from("abcde"), min_size=n, max_size=n))
    cap = data.draw(st.sampled_from([None, 1, 2]))
    wanted = data.draw(st.integers(1, n))
    some = candidates(scores, queries=queries, in_dist=IN_DIST)
    chosen = select(some, wanted, per_query=cap, upper=0.8)
    junk = scores > np.quantile(scores, 0.8)
    left = np.setdiff1d(np.arange(n), chosen)
    assert not junk[chosen].any() or junk[left].all()
    if cap is None and (scores[chosen[~junk[chosen]]] < 9).any():
        assert junk[left].all() or scores[left[~junk[left]]].max() < 9
    if cap is not None:
        counts = Counter(some.query_ids[chosen[~junk[chosen]]])
        could_give = {some.query_ids[i] for i in left if not junk[i] and counts[some.query_ids[i]] < cap}
        assert not could_give or max(counts.values(), default=0) <= cap


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower": -0.1}, r"lower: expected a number in \[0, 1\], received -0.1"),
        ({"upper": 1.5}, "upper: .* received 1.5"),
        ({"upper": float("nan")}, "upper: .* received nan"),
        ({"lower": "0.9"}, "lower: .* received '0.9'"),
        ({"explore": True}, "explore: .* received True"),
        ({"per_query": 0}, "per_query: expected an integer of at least 1 or None, received 0"),
        ({"per_query": 2.0}, "per_query: .* received 2.0"),
        ({"balance_grades": 1}, "balance_grades: expected true or false, received 1"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        OODBand(**options)
