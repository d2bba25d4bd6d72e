import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.selection.margin import Margin
from darl.selection.most_ood import MostOOD
from darl.selection.order import occurrence, smallest_first
from darl.selection.random import Random
from tests.selection.made import candidates


def test_random_takes_every_pair_equally_often():
    some = candidates(np.arange(10))
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([Random().select(some, 3, rng) for _ in range(2000)]), minlength=10)
    # Mean 600, standard deviation 20.5.
    assert (np.abs(counts - 600) < 90).all()


def test_margin_formula():
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(4), size=30)

    def margin(row):
        first, second, *_ = sorted(row, reverse=True)
        return first - second

    expected = sorted(range(30), key=lambda i: margin(probs[i].tolist()))
    chosen = Margin().select(candidates(np.zeros(30), probs=probs), 30, rng)
    assert chosen.tolist() == expected


def test_margin_passes_over_the_sure():
    probs = [[0.98, 0.01, 0.01], [0.4, 0.2, 0.4], [0.5, 0.3, 0.2]]
    chosen = Margin().select(candidates(np.zeros(3), probs=probs), 3, np.random.default_rng(2))
    assert chosen.tolist() == [1, 2, 0]


def test_most_ood_takes_the_largest():
    scores = np.random.default_rng(3).normal(size=50)
    chosen = MostOOD().select(candidates(scores), 7, np.random.default_rng(4))
    assert scores[chosen].tolist() == sorted(scores, reverse=True)[:7]


@pytest.mark.parametrize("strategy", [Margin(), MostOOD()])
def test_equals_come_in_random_order(strategy):
    some = candidates(np.ones(10), probs=np.full((10, 3), 1 / 3))
    firsts = {int(strategy.select(some, 1, np.random.default_rng(seed))[0]) for seed in range(200)}
    assert firsts == set(range(10))


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_smallest_first_sorts(values):
    order = smallest_first(np.array(values), np.random.default_rng(0))
    assert [values[i] for i in order] == sorted(values)
    assert sorted(order.tolist()) == list(range(len(values)))


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_occurrence_counts_those_before(labels):
    expected = [labels[:i].count(label) for i, label in enumerate(labels)]
    assert occurrence(np.array(labels, dtype=str)).tolist() == expected
