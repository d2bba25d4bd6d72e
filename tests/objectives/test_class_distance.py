from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.objectives.class_distance import ClassDistance
from darl.objectives.softmax import Softmax
from tests.objectives.made import batch, cost_of, rows_of, softmax_of, sure_of


def naive(logits, grades, alpha):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        for k, prob in enumerate(softmax_of(row)):
            if k != grade:
                total -= math.log(1 - prob) * abs(k - grade) ** alpha
    return total / len(grades)


@pytest.mark.parametrize("alpha", [0.5, 1, 2.0, 5.0])
@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(alpha, n_grades):
    logits, grades, ids = batch(n_grades, n_grades)
    loss = ClassDistance(alpha).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades, alpha), rel=1e-8)


@pytest.mark.parametrize("alpha", [0.5, 3.0])
def test_with_two_grades_it_is_softmax(alpha):
    logits, grades, ids = batch(2, 2)
    torch.testing.assert_close(
        ClassDistance(alpha).loss(logits, grades, ids), Softmax().loss(logits, grades, ids)
    )


def test_where_a_probability_rounds_to_one_the_cost_is_that_of_the_logits():
    """log(1 - p) of the sure grade is minus its lead, which no probability can hold."""
    assert cost_of(ClassDistance(1.0), [0.0, 0.0, 1e4], 0) == pytest.approx(2 * (1e4 - math.log(2)))


@given(st.floats(0.1, 6), st.floats(0.5, 20), st.integers(3, 7))
def test_missing_by_two_costs_more_than_by_one(alpha, strength, n_grades):
    near, far = sure_of(1, n_grades, strength), sure_of(2, n_grades, strength)
    assert cost_of(ClassDistance(alpha), far, 0) > cost_of(ClassDistance(alpha), near, 0)


def test_a_larger_alpha_minds_far_misses_more():
    def ratio(alpha):
        far, near = (cost_of(ClassDistance(alpha), sure_of(grade, 4), 0) for grade in (3, 1))
        return far / near

    assert 1 < ratio(0.5) < ratio(1) < ratio(3)


def test_where_grades_disagree_it_is_least_between_them():
    """Half the pairs have grade 0, half grade 2: the middle gets 0.6, though it never occurs."""
    logits, grades = torch.tensor([0.2, 0.6, 0.2]).log().requires_grad_(), torch.tensor([0, 2])
    ClassDistance(2.0).loss(logits.expand(2, 3), grades, torch.zeros(2)).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf")])
def test_it_refuses(alpha):
    with pytest.raises(ValueError, match=f"alpha: expected a finite number > 0, received {alpha}"):
        ClassDistance(alpha)
