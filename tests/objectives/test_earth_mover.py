from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.objectives.earth_mover import EarthMover
from tests.objectives.made import batch, cost_of, rows_of, softmax_of, sure_of


def naive(logits, grades):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        probs = softmax_of(row)
        for k in range(len(row)):
            total += (sum(probs[: k + 1]) - (1 if k >= grade else 0)) ** 2
    return total / len(grades)


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(n_grades):
    logits, grades, ids = batch(n_grades, n_grades)
    loss = EarthMover().loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades), rel=1e-9)


def test_sure_misses_cost_their_distance():
    costs = [cost_of(EarthMover(), sure_of(grade, 5, 1e4), 1) for grade in range(5)]
    assert costs == pytest.approx([1, 0, 1, 2, 3])


@given(st.floats(0.5, 20), st.integers(3, 7))
def test_missing_by_two_costs_more_than_by_one(strength, n_grades):
    near, far = sure_of(1, n_grades, strength), sure_of(2, n_grades, strength)
    assert cost_of(EarthMover(), far, 0) > cost_of(EarthMover(), near, 0)
    flipped = [cost_of(EarthMover(), row[::-1], n_grades - 1) for row in (near, far)]
    assert flipped[1] > flipped[0]


def test_it_is_least_at_the_datas_own_probabilities():
    """Ten pairs that nothing tells apart, graded 0, 1 and 2 in shares of 0.5, 0.2 and 0.3."""
    shares, grades = torch.tensor([0.5, 0.2, 0.3]), torch.tensor([0] * 5 + [1] * 2 + [2] * 3)
    logits = shares.log().requires_grad_()
    EarthMover().loss(logits.expand(10, 3), grades, torch.zeros(10)).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(3), atol=1e-6, rtol=0)
