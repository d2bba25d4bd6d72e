from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.objectives.confidence_penalty import ConfidencePenalty
from darl.objectives.softmax import Softmax
from darl.objectives.weighted import Weighted
from tests.objectives.made import batch, cost_of, rows_of, softmax_of, sure_of


def naive(logits, grades):
    total = 0.0
    for row, _ in rows_of(logits, grades):
        total += math.log(len(row)) + sum(prob * math.log(prob) for prob in softmax_of(row))
    return total / len(grades)


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(n_grades):
    logits, grades, ids = batch(n_grades, n_grades)
    loss = ConfidencePenalty().loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades), rel=1e-9)


def test_its_gradient_is_that_of_minus_the_entropy():
    """As torch has the entropy."""
    logits, grades, ids = batch(4, 4)
    logits.requires_grad_()
    (own,) = torch.autograd.grad(ConfidencePenalty().loss(logits, grades, ids), logits)
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    (expected,) = torch.autograd.grad(-entropy, logits)
    torch.testing.assert_close(own, expected)


@given(st.floats(0, 10), st.floats(0.1, 10), st.integers(2, 6))
def test_being_surer_costs_more_whatever_it_is_sure_of(strength, more, n_grades):
    for gold in (0, 1):
        less, greater = (
            cost_of(ConfidencePenalty(), sure_of(1, n_grades, strength + extra), gold) for extra in (0, more)
        )
        assert less < greater <= math.log(n_grades)


@pytest.mark.parametrize("n_grades", range(2, 9))
def test_equal_logits_cost_nothing_and_never_less(n_grades):
    logits = torch.full((5, n_grades), 0.7, requires_grad=True)
    loss = ConfidencePenalty().loss(logits, torch.zeros(5, dtype=torch.long), torch.arange(5))
    loss.backward()
    assert 0 <= loss.item() < 1e-6
    torch.testing.assert_close(logits.grad, torch.zeros(5, n_grades), atol=1e-6, rtol=0)


def test_beside_cross_entropy_it_keeps_sure_pairs_from_growing_surer():
    """Where p is 0.99 the cross-entropy still pushes on; with enough of the penalty it is pushed back."""
    sure = torch.tensor([[math.log(98.0), 0.0, 0.0]], requires_grad=True)
    grades, ids = torch.tensor([0]), torch.tensor([0])

    def push(objective):
        (slope,) = torch.autograd.grad(objective.loss(sure, grades, ids), sure)
        return -slope[0, 0].item()

    assert push(Softmax()) > 0
    assert 0 < push(Weighted([Softmax(), ConfidencePenalty()], [1, 0.1])) < push(Softmax())
    assert push(Weighted([Softmax(), ConfidencePenalty()], [1, 1])) < 0
