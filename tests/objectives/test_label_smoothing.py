from __future__ import annotations

import math

import pytest
import torch

from darl.objectives.label_smoothing import LabelSmoothing
from darl.objectives.softmax import Softmax
from tests.objectives.made import batch, cost_of, rows_of, softmax_of, sure_of


def naive(logits, grades, smoothing):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        for k, prob in enumerate(softmax_of(row)):
            target = smoothing / len(row) + (1 - smoothing if k == grade else 0)
            total -= target * math.log(prob)
    return total / len(grades)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("n_grades", [2, 5])
def test_it_is_its_formula(smoothing, n_grades):
    logits, grades, ids = batch(n_grades, n_grades)
    loss = LabelSmoothing(smoothing).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades, smoothing), rel=1e-9)


def test_without_smoothing_it_is_softmax():
    logits, grades, ids = batch(4, 4)
    torch.testing.assert_close(
        LabelSmoothing(0).loss(logits, grades, ids), Softmax().loss(logits, grades, ids)
    )


def test_being_too_sure_costs_more_than_being_sure():
    objective = LabelSmoothing(0.1)
    assert cost_of(objective, sure_of(0, 3, 30.0), 0) > cost_of(objective, sure_of(0, 3, 3.0), 0)


def test_the_distance_of_a_miss_does_not_matter():
    objective = LabelSmoothing(0.2)
    near, far = cost_of(objective, sure_of(1, 4), 0), cost_of(objective, sure_of(3, 4), 0)
    assert near == pytest.approx(far)


@pytest.mark.parametrize("smoothing", [-0.1, 1, 1.5, float("nan"), float("inf")])
def test_it_refuses(smoothing):
    with pytest.raises(ValueError, match=f"smoothing: expected 0 <= smoothing < 1, received {smoothing}"):
        LabelSmoothing(smoothing)
