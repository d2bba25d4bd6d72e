import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.catalogue import Component, build
from darl.errors import PoolExhaustedError
from darl.predictions import Candidates, Predictions
from darl.selection.catalogue import STRATEGIES
from darl.selection.margin import Margin
from darl.selection.random import Random
from tests.selection.made import candidates

EVERY = pytest.mark.parametrize("name", sorted(STRATEGIES))
WRAPPERS = sorted(name for name, member in STRATEGIES.items() if member.nested)
EVERY_WRAPPER = pytest.mark.parametrize("wrapper", WRAPPERS)


def rng(seed=0):
    return np.random.default_rng(seed)


def pool(n=40, seed=0):
    made = rng(seed)
    queries = [f"q{i}" for i in made.integers(0, 8, size=n)]
    return candidates(made.normal(size=n), queries=queries, in_dist=made.normal(size=20) - 1, seed=seed)


def check(chosen, n_candidates, n):
    assert chosen.shape == (n,)
    assert chosen.dtype == np.int64
    assert chosen.flags.c_contiguous  # what is not, safetensors writes wrongly
    assert len(set(chosen.tolist())) == n
    assert set(chosen.tolist()) <= set(range(n_candidates))


@EVERY
@pytest.mark.parametrize("n", [0, 1, 7, 39, 40])
def test_distinct_in_range_and_exactly_n(name, n):
    check(STRATEGIES[name]().select(pool(), n, rng()), 40, n)


@EVERY
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_pool(name, data):
    n = data.draw(st.integers(1, 25))
    few = st.integers(0, 3)
    scores = data.draw(st.lists(few, min_size=n, max_size=n))
    features = data.draw(st.lists(st.tuples(few, few), min_size=n, max_size=n))
    queries = data.draw(st.lists(few, min_size=n, max_size=n))
    in_dist = data.draw(st.lists(few, min_size=1, max_size=5))
    some = candidates(scores, features=np.array(features, float), queries=queries, in_dist=in_dist)
    wanted = data.draw(st.integers(0, n))
    check(STRATEGIES[name]().select(some, wanted, rng()), n, wanted)


@EVERY
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision(name, dtype):
    some = pool()
    probs = some.predictions.grade_probs.astype(np.float32)
    predictions = Predictions(probs, probs, some.predictions.features.astype(dtype))
    scores, in_dist = some.ood_scores.astype(dtype), some.in_dist_scores.astype(dtype)
    low = Candidates(predictions, scores, in_dist, some.query_ids, some.known.astype(dtype))
    check(STRATEGIES[name]().select(low, 12, rng()), 40, 12)


@EVERY
def test_same_seed_same_choice(name):
    first, second = (STRATEGIES[name]().select(pool(), 10, rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@EVERY
def test_strategies_keep_no_state(name):
    strategy = STRATEGIES[name]()
    first = strategy.select(pool(), 10, rng(3))
    strategy.select(pool(seed=1), 10, rng(4))
    np.testing.assert_array_equal(first, strategy.select(pool(), 10, rng(3)))


@EVERY
def test_inputs_are_left_alone(name):
    some, untouched = pool(), pool()
    STRATEGIES[name]().select(some, 10, rng())
    for field in ("ood_scores", "in_dist_scores", "query_ids", "known"):
        np.testing.assert_array_equal(getattr(some, field), getattr(untouched, field))
    for field in ("logits", "grade_probs", "features"):
        np.testing.assert_array_equal(getattr(some.predictions, field), getattr(untouched.predictions, field))


ODD_POOLS = {
    "one pair": candidates([1.0]),
    "one query": candidates(np.arange(20), queries=["q"] * 20),
    "equal scores": candidates(np.ones(20)),
    "equal scores, all familiar": candidates(np.ones(20), in_dist=[5.0]),
    "equal features": candidates(np.arange(20), features=np.ones((20, 3))),
    "zero features": candidates(np.arange(20), features=np.zeros((20, 3))),
    "equal grades": candidates(np.arange(20), probs=np.full((20, 3), 1 / 3)),
    "all familiar": candidates(np.arange(20), in_dist=[100.0]),
    "all unknown": candidates(np.arange(20), in_dist=[-100.0]),
    "nothing known": candidates(np.arange(20), known=np.empty((0, 4))),
    "everything known": candidates(np.arange(20), features=np.eye(20, 4), known=np.eye(20, 4)),
    "two grades": candidates(np.arange(20), probs=np.full((20, 2), 1 / 2)),
}


@EVERY
@pytest.mark.parametrize("case", ODD_POOLS)
def test_odd_pools(name, case):
    some = ODD_POOLS[case]
    for n in {1, (len(some) + 1) // 2, len(some)}:
        check(STRATEGIES[name]().select(some, n, rng()), len(some), n)


@EVERY
def test_more_than_the_pool_holds(name):
    with pytest.raises(PoolExhaustedError, match=r"at most 40.*n=41"):
        STRATEGIES[name]().select(pool(), 41, rng())


@EVERY
@pytest.mark.parametrize("n", [-1, 1.5, True, "3"])
def test_n_is_checked(name, n):
    with pytest.raises(ValueError, match="n: expected an integer of at least 0, received"):
        STRATEGIES[name]().select(pool(), n, rng())


def without_features(some):
    """The same candidates, of which nothing but scores, probabilities and queries is known."""
    bare = some.predictions.with_features(np.empty((len(some), 0), np.float16))
    return replace(some, predictions=bare, known=np.empty((len(some.known), 0)))


@EVERY
def test_who_needs_no_features_chooses_the_same_without(name):
    nested = dict.fromkeys(STRATEGIES[name].nested, "margin")
    plain = {key: [value] if key == "strategies" else value for key, value in nested.items()}
    for arguments in ({}, plain):
        made = build("strategy", STRATEGIES, Component.model_validate({"name": name, **arguments}))
        if not made.needs_features:
            chosen = made.select(without_features(pool()), 12, rng())
            np.testing.assert_array_equal(chosen, made.select(pool(), 12, rng()))


def test_who_needs_features():
    assert {name for name, member in STRATEGIES.items() if not member().needs_features} == {
        "dasa", "entropy", "margin", "most_ood", "ood_sampling", "per_query_cap", "random",
    }  # fmt: skip
    assert not STRATEGIES["mixture"]([Margin(), Random()]).needs_features
    assert STRATEGIES["mixture"]([Margin(), STRATEGIES["core_set"]()]).needs_features
    assert not STRATEGIES["per_query_cap"](Margin()).needs_features
    assert not STRATEGIES["grade_quota"](STRATEGIES["per_query_cap"](Margin())).needs_features
    assert STRATEGIES["without_junk"](Margin()).needs_features  # it has to find the junk


@EVERY
def test_queries_may_be_numbers(name):
    some = pool()
    _, numbers = np.unique(some.query_ids, return_inverse=True)
    for numbered in (numbers, -7 * numbers):
        chosen = STRATEGIES[name]().select(replace(some, query_ids=numbered), 20, rng())
        np.testing.assert_array_equal(chosen, STRATEGIES[name]().select(some, 20, rng()))


@EVERY
def test_numpy_integers_are_integers(name):
    check(STRATEGIES[name]().select(pool(), np.int32(5), rng()), 40, 5)


def wrapped(wrapper, inner):
    """A wrapper as a config names it, around `inner`."""
    values = {"strategy": inner, "strategies": [inner, "random"]}
    nested = STRATEGIES[wrapper].nested
    return {"name": wrapper, **{key: values[key] for key in nested}}


@EVERY_WRAPPER
def test_a_wrapper_needs_nothing(wrapper):
    parameters = inspect.signature(STRATEGIES[wrapper]).parameters
    assert STRATEGIES[wrapper].nested <= set(parameters)
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters.values())
    nothing = Component.model_validate({"name": wrapper, **dict.fromkeys(STRATEGIES[wrapper].nested)})
    made = build("strategy", STRATEGIES, nothing)
    np.testing.assert_array_equal(
        made.select(pool(), 10, rng()), STRATEGIES[wrapper]().select(pool(), 10, rng())
    )


@EVERY_WRAPPER
@EVERY
def test_every_wrapper_takes_every_member(wrapper, name):
    strategy = build("strategy", STRATEGIES, Component.model_validate(wrapped(wrapper, name)))
    for n in (1, 15, 40):
        chosen = strategy.select(pool(), n, rng())
        check(chosen, 40, n)
        np.testing.assert_array_equal(chosen, strategy.select(pool(), n, rng()))


@EVERY_WRAPPER
def test_wrappers_in_wrappers(wrapper):
    config = wrapped(wrapper, "most_ood")
    for outer in WRAPPERS:
        config = wrapped(outer, config)
    strategy = build("strategy", STRATEGIES, Component.model_validate(config))
    for n in (1, 15, 40):
        check(strategy.select(pool(), n, rng()), 40, n)
