from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch

from darl.objectives.coral import Coral
from tests.objectives.made import batch, cost_of, rows_of, sigmoid_of


def naive(logits, grades):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        for k, logit in enumerate(row):
            total -= math.log(sigmoid_of(logit) if grade > k else 1 - sigmoid_of(logit))
    return total / len(grades)


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(n_grades):
    logits, grades, ids = batch(n_grades - 1, n_grades)
    loss = Coral().loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades), rel=1e-9)


def test_it_is_the_authors_loss():
    """The example that the documentation of coral-pytorch gives: 0.6920."""
    logits = torch.tensor([[2.1, 1.8, -2.1, -1.8], [1.9, -1.0, -1.5, -1.3], [1.9, 1.8, 1.7, 1.6]])
    loss = Coral().loss(logits, torch.tensor([2, 1, 4]), torch.tensor([0, 1, 2]))
    assert loss.item() == pytest.approx(0.6920, abs=5e-5)


@pytest.mark.parametrize("n_grades", [2, 3, 5])
def test_its_logits_are_the_log_odds_of_a_softmax_to_first_order(n_grades):
    """By torch's own derivative."""

    def log_odds(z):
        probs = z.softmax(dim=0)
        return torch.stack([(probs[k + 1 :].sum() / probs[: k + 1].sum()).log() for k in range(n_grades - 1)])

    mix, offset = Coral().from_classes(n_grades)
    equal = torch.zeros(n_grades)
    torch.testing.assert_close(mix, torch.autograd.functional.jacobian(log_odds, equal))
    torch.testing.assert_close(offset, log_odds(equal))


def test_logits_that_fall_are_decoded_by_their_differences():
    probs = Coral().grade_probs(torch.tensor([[2.0, 0.5, -1.0]]))
    above = [1.0, sigmoid_of(2.0), sigmoid_of(0.5), sigmoid_of(-1.0), 0.0]
    assert probs[0].tolist() == pytest.approx([above[k] - above[k + 1] for k in range(4)])


@pytest.mark.parametrize("order", list(permutations([1.2, 0.3, -0.4])))
def test_logits_that_contradict_each_other_keep_the_expected_grade_and_the_thresholds_passed(order):
    logits = torch.tensor([order])
    probs = Coral().grade_probs(logits)[0]
    assert (probs >= 0).all()
    assert float(probs @ torch.arange(4.0)) == pytest.approx(logits.sigmoid().sum().item())
    at_least = probs.flip(0).cumsum(0).flip(0)[1:]
    assert (at_least > 0.5).sum() == (logits > 0).sum()


def test_a_miss_costs_by_the_thresholds_it_is_beyond():
    def sure(grade):
        return [4.0 if k < grade else -4.0 for k in range(4)]

    for gold in (0, 2, 4):
        costs = {grade: cost_of(Coral(), sure(grade), gold) for grade in range(5)}
        for grade, cost in costs.items():
            assert cost == pytest.approx(costs[gold] + 4.0 * abs(grade - gold))
