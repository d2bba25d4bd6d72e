from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from tests.objectives.made import batch, cost_of, rows_of, sure_of


def naive(logits, grades, sharpness, distance):
    total = 0.0
    for row, grade in rows_of(logits, grades):
        gaps = [abs(k - grade) ** (1 if distance == "absolute" else 2) for k in range(len(row))]
        weights = [math.exp(-sharpness * gap) for gap in gaps]
        norm = math.log(sum(math.exp(x) for x in row))
        total -= sum(w / sum(weights) * (x - norm) for w, x in zip(weights, row, strict=True))
    return total / len(grades)


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_it_is_its_formula(distance):
    logits, grades, ids = batch(4, 4)
    loss = SoftGrades(1.5, distance).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive(logits, grades, 1.5, distance), rel=1e-6)


def test_without_weights_it_is_torchs_to_the_bit():
    logits, grades, ids = batch(5, 5, size=1000)
    logits, objective = logits.float(), SoftGrades()
    expected = F.cross_entropy(logits, objective.targets(grades, 5))
    assert torch.equal(objective.loss(logits, grades, ids), expected)
    assert torch.equal(objective.grade_probs(logits), logits.softmax(dim=-1))


def test_sharp_soft_grades_become_softmax():
    logits, grades, ids = batch(3, 3)
    torch.testing.assert_close(
        SoftGrades(50.0).loss(logits, grades, ids), Softmax().loss(logits, grades, ids), rtol=1e-6, atol=1e-6
    )


@given(st.floats(0.1, 5), st.sampled_from(["absolute", "squared"]), st.integers(3, 7))
def test_missing_by_two_costs_more_than_by_one(sharpness, distance, n_grades):
    """And softmax does not mind the distance: that is what it is blamed for."""
    objective, near, far = SoftGrades(sharpness, distance), sure_of(1, n_grades), sure_of(2, n_grades)
    assert cost_of(objective, far, 0) > cost_of(objective, near, 0)
    assert cost_of(Softmax(), far, 0) == pytest.approx(cost_of(Softmax(), near, 0))


@pytest.mark.parametrize("arguments", [{"sharpness": 0}, {"sharpness": float("nan")}, {"distance": "cosine"}])
def test_it_refuses(arguments):
    with pytest.raises(ValueError, match="expected"):
        SoftGrades(**arguments)
