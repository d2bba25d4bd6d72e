from __future__ import annotations

import math

import pytest
import torch

from darl.objectives.focal import Focal
from darl.objectives.softmax import Softmax
from tests.objectives.made import batch, cost_of, rows_of, softmax_of, sure_of


def naive(logits, grades, gamma):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        prob = softmax_of(row)[grade]
        total += (1 - prob) ** gamma * -math.log(prob)
    return total / len(grades)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("n_grades", [2, 5])
def test_it_is_its_formula(gamma, n_grades):
    logits, grades, ids = batch(n_grades, n_grades)
    loss = Focal(gamma).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades, gamma), rel=1e-9)


def test_without_gamma_it_is_softmax():
    logits, grades, ids = batch(4, 4)
    torch.testing.assert_close(Focal(0).loss(logits, grades, ids), Softmax().loss(logits, grades, ids))


def test_the_easy_pair_loses_more_of_its_weight_than_the_hard_one():
    def share(row):
        return cost_of(Focal(2.0), row, 0) / cost_of(Softmax(), row, 0)

    assert share(sure_of(0, 3)) < 0.01
    assert share(sure_of(2, 3)) > 0.9


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
def test_the_gradient_is_a_number_where_the_probability_is_one(gamma):
    """(1 - p)^gamma has none there, for gamma < 1."""
    logits = torch.tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    Focal(gamma).loss(logits, torch.tensor([0]), torch.tensor([0])).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3))


@pytest.mark.parametrize("gamma", [-0.1, float("nan"), float("inf")])
def test_it_refuses(gamma):
    with pytest.raises(ValueError, match=f"gamma: expected a finite number >= 0, received {gamma}"):
        Focal(gamma)
