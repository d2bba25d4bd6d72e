from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.objectives.in_query_contrast import InQueryContrast
from tests.objectives.made import batch, softmax_of, sure_of


def naive(logits, grades, ids, margin):
    scores = [sum(k * p for k, p in enumerate(softmax_of(row))) for row in logits.tolist()]
    costs = [
        math.log(1 + math.exp(margin * int(grades[i] - grades[j]) - (scores[i] - scores[j])))
        for i in range(len(scores))
        for j in range(len(scores))
        if ids[i] == ids[j] and grades[i] > grades[j]
    ]
    return sum(costs) / len(costs)


def cost_of_two(better, worse, grades, margin=1.0, ids=(0, 0)):
    logits = torch.tensor([better, worse], dtype=torch.float64)
    return InQueryContrast(margin).loss(logits, torch.tensor(grades), torch.tensor(ids)).item()


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_it_is_its_formula(margin, n_grades):
    logits, grades, _ = batch(n_grades, n_grades, size=24)
    ids = torch.arange(24) % 5
    loss = InQueryContrast(margin).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades, ids, margin), rel=1e-9)


def test_following_the_gradient_puts_the_better_item_first():
    grades, ids = torch.tensor([0, 2, 1, 1, 0]), torch.tensor([0, 0, 0, 1, 1])
    logits = torch.zeros(5, 3, requires_grad=True)
    InQueryContrast().loss(logits, grades, ids).backward()
    scores = InQueryContrast().grade_probs(logits - logits.grad) @ torch.arange(3.0)
    assert scores[1] > scores[2] > scores[0]
    assert scores[3] > scores[4]


@given(st.floats(0, 3), st.integers(3, 6))
def test_the_wrong_order_costs_more_than_the_right_one(margin, n_grades):
    high, low = sure_of(n_grades - 1, n_grades), sure_of(0, n_grades)
    assert cost_of_two(low, high, [1, 0], margin) > cost_of_two(high, low, [1, 0], margin)


def test_the_same_scores_cost_more_the_wider_the_gap_of_the_grades():
    even = sure_of(1, 4)
    costs = [cost_of_two(even, even, [grade, 0]) for grade in (1, 2, 3)]
    assert costs == pytest.approx([math.log(1 + math.exp(gap)) for gap in (1, 2, 3)])
    without = [cost_of_two(even, even, [grade, 0], margin=0.0) for grade in (1, 2, 3)]
    assert without == pytest.approx([math.log(2)] * 3)


@pytest.mark.parametrize(
    ("grades", "ids"),
    [([2, 2, 2], [0, 0, 0]), ([0, 1, 2], [0, 1, 2]), ([1], [0])],
    ids=["one grade", "no two of a query", "one item"],
)
def test_where_nothing_can_be_compared_the_loss_is_zero_and_has_a_gradient(grades, ids):
    logits = torch.ones(len(grades), 3, requires_grad=True)
    loss = InQueryContrast().loss(logits, torch.tensor(grades), torch.tensor(ids))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(len(grades), 3))


def test_items_of_other_queries_are_nothing():
    logits, grades, _ = batch(3, 3, size=9)
    ids = torch.tensor([0] * 6 + [1, 2, 3])
    objective = InQueryContrast()
    torch.testing.assert_close(
        objective.loss(logits, grades, ids), objective.loss(logits[:6], grades[:6], ids[:6])
    )


@pytest.mark.parametrize("margin", [-0.5, float("nan"), float("inf")])
def test_it_refuses(margin):
    with pytest.raises(ValueError, match=f"margin: expected a finite number >= 0, received {margin}"):
        InQueryContrast(margin)
