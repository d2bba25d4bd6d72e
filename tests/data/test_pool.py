from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.pool import Pool
from darl.errors import PoolExhaustedError, ShapeError
from darl.pairs import GradedPair, Pair

PAIRS = [Pair("q", "shoes", f"i{i}", f"item {i}") for i in range(5)]


def test_a_new_pool_has_no_grades():
    pool = Pool(PAIRS)
    assert pool.ungraded.tolist() == [0, 1, 2, 3, 4]
    assert pool.graded == ()
    assert len(pool) == 5


def test_graded_pairs_stand_in_the_order_of_grading():
    pool = Pool(PAIRS).with_grades([3, 1], [2, 0]).with_grades(np.array([2]), np.array([1]))
    assert pool.graded == (GradedPair(PAIRS[3], 2), GradedPair(PAIRS[1], 0), GradedPair(PAIRS[2], 1))
    assert pool.ungraded.tolist() == [0, 4]


@given(st.permutations(range(5)), st.integers(0, 5))
def test_every_pair_is_either_graded_or_not(order, n):
    pool = Pool(PAIRS).with_grades(order[:n], [1] * n)
    graded = {one.pair for one in pool.graded}
    assert graded | {PAIRS[i] for i in pool.ungraded} == set(PAIRS)
    assert len(graded) + len(pool.ungraded) == 5


def test_a_pool_never_changes():
    pairs = list(PAIRS)
    pool = Pool(pairs)
    pool.with_grades([0], [1])
    pairs.clear()
    assert len(pool) == len(pool.ungraded) == 5
    with pytest.raises(AttributeError):
        pool.pairs = ()  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        pool.ungraded[0] = 9


def test_pools_with_the_same_grades_are_equal():
    assert Pool(PAIRS).with_grades([1, 2], [0, 1]) == Pool(PAIRS).with_grades([1], [0]).with_grades([2], [1])


@pytest.mark.parametrize(
    ("indices", "grades", "message"),
    [
        ([5], [0], r"expected 0\.\.4, received 5"),
        ([-1], [0], r"expected 0\.\.4, received -1"),
        ([1, 1], [0, 0], "each once, received again 1"),
        ([0], [0], "expected ungraded pairs, received graded ones 0"),
        ([1, 2], [0], "one grade an index, received 2 and 1"),
        ([1], [-1], "expected 0 or above, received -1"),
        ([1.0], [0], "indices: expected whole numbers"),
        ([1], ["weak"], "grades: expected whole numbers"),
    ],
)
def test_grades_that_do_not_fit_are_refused(indices, grades, message):
    with pytest.raises(ShapeError, match=message):
        Pool(PAIRS).with_grades([0], [1]).with_grades(indices, grades)


def test_all_faults_of_a_grading_are_told_together():
    with pytest.raises(ShapeError) as caught:
        Pool(PAIRS).with_grades([0], [1]).with_grades([0, 7, 2, 2], [-1])
    assert str(caught.value).count(";") == 4


def test_more_than_is_left_is_refused():
    pool = Pool(PAIRS).with_grades([0, 1], [0, 0])
    pool.require(3)
    with pytest.raises(PoolExhaustedError, match="at least 4 ungraded pairs, received a pool with 3 of 5"):
        pool.require(4)
