"""Every objective keeps one contract; each formula is compared with a naive loop."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax


def batch(n_logits, n_grades, seed=0, size=7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, n_logits, generator=generator, dtype=torch.float64) * 3
    grades = torch.randint(0, n_grades, (size,), generator=generator)
    return logits, grades, torch.arange(size) // 3


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("n_grades", [2, 3, 6])
class TestContract:
    def test_probabilities_sum_to_one(self, name, n_grades):
        objective = OBJECTIVES[name]()
        logits, _, _ = batch(objective.n_logits(n_grades), n_grades)
        probs = objective.grade_probs(logits)
        assert probs.shape == (7, n_grades)
        assert (probs >= 0).all()
        torch.testing.assert_close(probs.sum(dim=1), torch.ones(7, dtype=torch.float64))

    def test_loss_is_a_mean_over_the_batch(self, name, n_grades):
        objective = OBJECTIVES[name]()
        logits, grades, ids = batch(objective.n_logits(n_grades), n_grades)
        parts = [
            objective.loss(logits[i : i + 1], grades[i : i + 1], ids[i : i + 1]) for i in range(len(grades))
        ]
        torch.testing.assert_close(objective.loss(logits, grades, ids), torch.stack(parts).mean())

    def test_gradient(self, name, n_grades):
        objective = OBJECTIVES[name]()
        logits, grades, ids = batch(objective.n_logits(n_grades), n_grades)
        logits.requires_grad_()
        assert torch.autograd.gradcheck(lambda x: objective.loss(x, grades, ids), (logits,))

    def test_following_the_gradient_raises_the_gold_grade(self, name, n_grades):
        objective = OBJECTIVES[name]()
        logits, grades, ids = batch(objective.n_logits(n_grades), n_grades)
        logits = torch.zeros_like(logits).requires_grad_()
        before = objective.grade_probs(logits)[torch.arange(7), grades]
        objective.loss(logits, grades, ids).backward()
        after = objective.grade_probs(logits - 5 * logits.grad)[torch.arange(7), grades]
        assert (after > before).all()


def naive_soft_grades(logits, grades, sharpness, distance):
    total = 0.0
    for row, grade in zip(logits.tolist(), grades.tolist(), strict=True):
        gaps = [abs(k - grade) ** (1 if distance == "absolute" else 2) for k in range(len(row))]
        weights = [math.exp(-sharpness * gap) for gap in gaps]
        norm = math.log(sum(math.exp(x) for x in row))
        total -= sum(w / sum(weights) * (x - norm) for w, x in zip(weights, row, strict=True))
    return total / len(grades)


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_soft_grades_is_its_formula(distance):
    logits, grades, ids = batch(4, 4)
    loss = SoftGrades(1.5, distance).loss(logits, grades, ids)
    assert loss.item() == pytest.approx(naive_soft_grades(logits, grades, 1.5, distance), rel=1e-6)


def test_softmax_is_its_formula():
    logits, grades, ids = batch(3, 3)
    expected = -logits.softmax(dim=1).log()[torch.arange(7), grades].mean()
    torch.testing.assert_close(Softmax().loss(logits, grades, ids), expected)


def test_sharp_soft_grades_become_softmax():
    logits, grades, ids = batch(3, 3)
    torch.testing.assert_close(
        SoftGrades(50.0).loss(logits, grades, ids), Softmax().loss(logits, grades, ids), rtol=1e-6, atol=1e-6
    )


@given(st.floats(0.1, 5), st.sampled_from(["absolute", "squared"]), st.integers(3, 7))
def test_soft_grades_missing_by_two_costs_more_than_by_one(sharpness, distance, n_grades):
    """And softmax does not mind the distance: that is what it is blamed for."""
    objective, gold = SoftGrades(sharpness, distance), torch.tensor([0])
    near, far = torch.zeros(1, n_grades), torch.zeros(1, n_grades)
    near[0, 1], far[0, 2] = 4.0, 4.0
    ids = torch.tensor([0])
    assert objective.loss(far, gold, ids) > objective.loss(near, gold, ids)
    torch.testing.assert_close(Softmax().loss(far, gold, ids), Softmax().loss(near, gold, ids))


@pytest.mark.parametrize("arguments", [{"sharpness": 0}, {"sharpness": float("nan")}, {"distance": "cosine"}])
def test_soft_grades_refuses(arguments):
    with pytest.raises(ValueError, match="expected"):
        SoftGrades(**arguments)
