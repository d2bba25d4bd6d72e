from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.selection.core_set import CoreSet
from darl.selection.most_ood import MostOOD
from darl.selection.ood_band import OODBand
from darl.selection.per_query_cap import PerQueryCap, risen_cap
from darl.selection.random import Random
from tests.selection.made import candidates
from tests.selection.recorder import Recorder


def select(strategy, some, n, seed=0, **options):
    return PerQueryCap(strategy, **options).select(some, n, np.random.default_rng(seed))


def naive(order, queries, n, cap):
    """Down the whole order, again and again, with a cap that rises by one."""
    chosen, count = [], Counter()
    while len(chosen) < n:
        for pair in order:
            if pair not in chosen and count[queries[pair]] < cap and len(chosen) < n:
                chosen.append(pair)
                count[queries[pair]] += 1
        cap += 1
    return chosen


@settings(max_examples=200)
@given(data=st.data())
def test_against_a_walk_down_the_whole_order(data):
    n = data.draw(st.integers(1, 40))
    scores = np.array(data.draw(st.permutations(range(n))), float)
    queries = data.draw(st.lists(st.sampled_from("aaaabbcdef"), min_size=n, max_size=n))
    wanted, cap = data.draw(st.integers(1, n)), data.draw(st.integers(1, 4))
    chosen = select(MostOOD(), candidates(scores, queries=queries), wanted, cap=cap)
    assert chosen.tolist() == naive(np.argsort(-scores).tolist(), queries, wanted, cap)


def test_where_the_cap_does_not_bite_the_choice_is_the_others():
    some = candidates(np.linspace(0, 3, 200))
    for strategy in (OODBand(), Random(), CoreSet()):
        expected = strategy.select(some, 20, np.random.default_rng(5))
        assert select(strategy, some, 20, seed=5, cap=1).tolist() == expected.tolist()


@pytest.mark.parametrize("strategy", [Random(), CoreSet(), MostOOD(), OODBand(per_query=None)])
def test_the_cap_holds_whoever_chooses(strategy):
    queries = ["big"] * 150 + [f"q{i // 4}" for i in range(100)]
    scores = np.concatenate([np.full(150, 3.0), np.zeros(100)])
    chosen = select(strategy, candidates(scores, queries=queries), 40, cap=2)
    assert len(set(chosen.tolist())) == 40
    assert max(Counter(queries[i] for i in chosen).values()) == 2


def test_the_whole_pool_is_not_put_in_order():
    """What is wanted most lies together, 50 pairs a query: sixty queries end after 3000 of 100 000 pairs."""
    queries = [f"q{i // 50}" for i in range(100_000)]
    recorder = Recorder()
    chosen = select(recorder, candidates(-np.arange(100_000.0), queries=queries), 60, cap=1)
    assert chosen.tolist() == [50 * i for i in range(60)]
    amounts = [n for _, n in recorder.asked]
    assert amounts[:2] == [60, 2 * 58]
    assert sum(amounts) < 3100
    assert len(amounts) <= 8


def test_what_is_taken_is_known_when_it_is_asked_again_and_full_queries_are_gone():
    queries = ["a", "a", "a", "b", "c"]
    some, recorder = candidates([5, 4, 3, 2, 1], queries=queries), Recorder()
    assert select(recorder, some, 3, cap=1).tolist() == [0, 3, 4]
    (_, first), (rest, second) = recorder.asked
    assert (first, second) == (3, 2)
    assert rest.query_ids.tolist() == ["b", "c"]
    np.testing.assert_array_equal(rest.known, np.concatenate([some.known, some.predictions.features[[0]]]))


def test_one_large_query_takes_few_questions():
    recorder = Recorder()
    chosen = select(recorder, candidates(np.arange(3000.0), queries=["q"] * 3000), 2900)
    assert sorted(chosen) == list(range(100, 3000))
    assert len(recorder.asked) == 1


@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.data())
def test_risen_cap(sizes, data):
    n, cap = data.draw(st.integers(1, sum(sizes))), data.draw(st.integers(1, 14))
    risen, n_above = risen_cap(np.array(sizes), n, cap)
    given_by = [min(size, risen) for size in sizes]
    assert risen >= cap
    if risen == cap and sum(given_by) >= n:
        assert n_above == 0
    else:
        assert sum(given_by) + n_above == n
        assert n_above < sum(size > risen for size in sizes) or n_above == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cap": 0}, "cap: expected an integer of at least 1, received 0"),
        ({"cap": 2.0}, "cap: .* received 2.0"),
        ({"cap": True}, "cap: .* received True"),
        ({"strategy": "random"}, "strategy: expected a selection strategy, received 'random'"),
        ({"strategy": [Random()]}, "strategy: expected a selection strategy, received"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        PerQueryCap(**options)
