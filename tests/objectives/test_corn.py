from __future__ import annotations

import math

import pytest
import torch

from darl.objectives.corn import Corn
from tests.objectives.made import batch, cost_of, rows_of, sigmoid_of


def naive(logits, grades):
    """As the paper has it, a question at a time over the pairs that come to it, but divided by the pairs."""
    total = 0.0
    for k in range(logits.shape[1]):
        for row, grade in rows_of(logits, grades):
            if grade >= k:
                total -= math.log(sigmoid_of(row[k]) if grade > k else 1 - sigmoid_of(row[k]))
    return total / len(grades)


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(n_grades):
    logits, grades, ids = batch(n_grades - 1, n_grades)
    loss = Corn().loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades), rel=1e-9)


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_the_loss_is_that_of_what_is_decoded(n_grades):
    logits, grades, ids = batch(n_grades - 1, n_grades)
    gold = Corn().grade_probs(logits)[torch.arange(7), grades]
    torch.testing.assert_close(Corn().loss(logits, grades, ids), -gold.log().mean())


@pytest.mark.parametrize("n_grades", [2, 3, 5])
def test_its_logits_are_the_conditional_log_odds_of_a_softmax_to_first_order(n_grades):
    """By torch's own derivative."""

    def log_odds(z):
        probs = z.softmax(dim=0)
        return torch.stack([(probs[k + 1 :].sum() / probs[k]).log() for k in range(n_grades - 1)])

    mix, offset = Corn().from_classes(n_grades)
    equal = torch.zeros(n_grades)
    torch.testing.assert_close(mix, torch.autograd.functional.jacobian(log_odds, equal))
    torch.testing.assert_close(offset, log_odds(equal))


def test_it_decodes_by_products():
    first, second, third = (sigmoid_of(x) for x in (0.5, -1.0, 2.0))
    probs = Corn().grade_probs(torch.tensor([[0.5, -1.0, 2.0]]))[0].tolist()
    assert probs == pytest.approx(
        [1 - first, first * (1 - second), first * second * (1 - third), first * second * third]
    )


def test_grades_below_a_question_do_not_train_it():
    logits = torch.zeros(2, 3, requires_grad=True)
    Corn().loss(logits, torch.tensor([0, 1]), torch.tensor([0, 1])).backward()
    assert (logits.grad != 0).tolist() == [[True, False, False], [True, True, False]]


def test_a_miss_downwards_costs_by_its_distance_and_upwards_does_not():
    def sure(grade):
        return [4.0 if k < grade else -4.0 for k in range(4)]

    down = [cost_of(Corn(), sure(grade), 3) for grade in (3, 2, 1, 0)]
    assert down[0] < down[1] < down[2] < down[3]
    up = [cost_of(Corn(), sure(grade), 1) for grade in (2, 3, 4)]
    assert up == pytest.approx([up[0]] * 3)
