"""Every objective of the catalogue keeps one contract."""

from __future__ import annotations

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.catalogue import Component, build
from darl.objectives.base import Objective
from darl.objectives.catalogue import OBJECTIVES
from tests.objectives.made import batch, cost_of, extreme, sure_of, thresholds_passed

COMPARING = {
    "darl",
    "in_query_contrast",
    "weighted",
}  # their loss is of items with each other, not of each alone
POINTWISE = sorted(OBJECTIVES.keys() - COMPARING)
GRADING = sorted(set(POINTWISE) - {"confidence_penalty"})
ORDERED = [
    "class_distance",
    "coral",
    "earth_mover",
    "soft_grades",
]  # the paper says that far misses cost more
HALF = [torch.float16, torch.bfloat16]


def made(name, n_grades, seed=0):
    objective = OBJECTIVES[name]()
    return objective, *batch(objective.n_logits(n_grades), n_grades, seed)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
@pytest.mark.parametrize("n_grades", [2, 3, 6])
class TestContract:
    def test_class_logits_are_one_a_grade(self, name, n_grades):
        objective = OBJECTIVES[name]()
        assert (objective.n_logits(n_grades) == n_grades) is objective.class_logits

    def test_to_first_order_its_logits_are_what_class_logits_make_them(self, name, n_grades):
        """Those at which it decodes, to first order, what a softmax does; and exactly for equal ones."""
        objective = OBJECTIVES[name]()
        mix, offset = objective.from_classes(n_grades)
        assert mix.shape == (objective.n_logits(n_grades), n_grades)
        equal = objective.grade_probs(offset[None, :])
        torch.testing.assert_close(equal, torch.full((1, n_grades), 1 / n_grades))
        small = torch.randn(1, n_grades, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        small = small * 1e-4
        probs = objective.grade_probs(small @ mix.T.double() + offset.double())
        torch.testing.assert_close(probs, small.softmax(dim=1), atol=1e-7, rtol=0)
        assert not torch.allclose(probs, equal.double(), atol=1e-6, rtol=0)

    def test_it_says_whether_items_of_a_query_meet_and_whether_grades_count(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        apart = objective.loss(logits, grades, torch.arange(7))
        assert torch.equal(objective.loss(logits, grades, ids), apart) is not objective.compares_items
        others = objective.loss(logits, n_grades - 1 - grades, ids)
        assert torch.equal(objective.loss(logits, grades, ids), others) is not objective.sees_grades
        assert objective.compares_items is (name in COMPARING)

    def test_it_has_nothing_against_any_number_of_grades(self, name, n_grades):
        assert OBJECTIVES[name]().faults(n_grades) == []

    def test_probabilities_sum_to_one(self, name, n_grades):
        objective, logits, _, _ = made(name, n_grades)
        probs = objective.grade_probs(logits)
        assert probs.shape == (7, n_grades)
        assert (probs >= 0).all()
        torch.testing.assert_close(probs.sum(dim=1), torch.ones(7, dtype=torch.float64))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
    def test_probabilities_of_extreme_logits(self, name, n_grades, dtype):
        objective = OBJECTIVES[name]()
        probs = objective.grade_probs(extreme(objective.n_logits(n_grades), 20, dtype=dtype))
        assert probs.dtype == torch.float32
        assert (probs >= 0).all()
        torch.testing.assert_close(probs.sum(dim=1), torch.ones(20))

    def test_extreme_logits_cost_something_finite(self, name, n_grades):
        objective, size = OBJECTIVES[name](), 40
        logits = extreme(objective.n_logits(n_grades), size).requires_grad_()
        loss = objective.loss(logits, torch.arange(size) % n_grades, torch.arange(size) // 4)
        loss.backward()
        assert 0 < loss.item() < float("inf")
        assert logits.grad.isfinite().all()

    @pytest.mark.parametrize("dtype", HALF)
    def test_half_precision_is_read_as_float32(self, name, n_grades, dtype):
        """6e4 is nearly the largest float16: the difference of two such logits has no place in it."""
        objective, size = OBJECTIVES[name](), 20
        logits = extreme(objective.n_logits(n_grades), size, 6e4, dtype).requires_grad_()
        grades, ids = torch.arange(size) % n_grades, torch.arange(size) // 4
        loss = objective.loss(logits, grades, ids)
        loss.backward()
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
        assert torch.equal(loss, objective.loss(logits.float(), grades, ids))

    def test_float64_stays(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        assert objective.loss(logits, grades, ids).dtype == torch.float64
        assert objective.grade_probs(logits).dtype == torch.float64

    def test_what_it_makes_lies_where_the_logits_lie(self, name, n_grades):
        """The device "meta" stands for a GPU: it refuses to be mixed with the processor's tensors, too."""
        objective, logits, grades, ids = made(name, n_grades)
        logits, grades, ids = (tensor.to("meta") for tensor in (logits, grades, ids))
        assert objective.loss(logits, grades, ids).device.type == "meta"
        assert objective.grade_probs(logits).device.type == "meta"

    def test_the_order_of_a_batch_is_nothing(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        order = torch.tensor([4, 0, 6, 2, 5, 1, 3])
        shuffled = objective.loss(logits[order], grades[order], ids[order])
        torch.testing.assert_close(shuffled, objective.loss(logits, grades, ids))

    def test_gradient(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        logits.requires_grad_()
        assert torch.autograd.gradcheck(lambda x: objective.loss(x, grades, ids), (logits,))

    def test_losses_are_scalars_and_never_negative(self, name, n_grades):
        for seed in range(5):
            objective, logits, grades, ids = made(name, n_grades, seed)
            loss = objective.loss(logits.float() * 5, grades, ids)
            assert loss.shape == ()
            assert loss >= 0


@pytest.mark.parametrize("name", POINTWISE)
@pytest.mark.parametrize("n_grades", [2, 3, 6])
class TestPointwise:
    def test_loss_is_a_mean_over_the_batch(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        rows = [slice(i, i + 1) for i in range(len(grades))]
        parts = [objective.loss(logits[row], grades[row], ids[row]) for row in rows]
        torch.testing.assert_close(objective.loss(logits, grades, ids), torch.stack(parts).mean())

    def test_queries_are_nothing(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        other = torch.zeros_like(ids)
        assert torch.equal(objective.loss(logits, grades, ids), objective.loss(logits, grades, other))


@pytest.mark.parametrize("name", GRADING)
@pytest.mark.parametrize("n_grades", [2, 3, 6])
class TestGrading:
    def test_following_the_gradient_raises_the_gold_grade(self, name, n_grades):
        objective, logits, grades, ids = made(name, n_grades)
        logits = torch.zeros_like(logits).requires_grad_()
        before = objective.grade_probs(logits)[torch.arange(7), grades]
        objective.loss(logits, grades, ids).backward()
        after = objective.grade_probs(logits - 5 * logits.grad)[torch.arange(7), grades]
        assert (after > before).all()

    def test_being_sure_and_right_costs_next_to_nothing_beside_being_sure_and_wrong(self, name, n_grades):
        """Steps on the gradient make the one; the grades turned round make the other."""
        objective, logits, grades, ids = made(name, n_grades)
        logits = torch.zeros_like(logits)
        for _ in range(200):
            logits.requires_grad_()
            (slope,) = torch.autograd.grad(objective.loss(logits, grades, ids), logits)
            logits = (logits - 5 * slope).detach()
        assert torch.equal(objective.grade_probs(logits).argmax(dim=1), grades)
        wrong = objective.loss(logits, (grades + 1) % n_grades, ids)
        assert objective.loss(logits, grades, ids) < wrong / 2


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_config_names_it(name):
    objective = build("objective", OBJECTIVES, Component(name=name))
    assert isinstance(objective, Objective)
    assert type(objective) is OBJECTIVES[name]


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_its_docstring_has_what_every_one_has(name):
    text = inspect.getdoc(OBJECTIVES[name])
    for part in ("loss = ", "grade_probs", "| grades in ", "| logits ", "| good for ", "| fails where "):
        assert part in text, part
    assert name in ("softmax", "weighted") or "Reference: " in text


def test_those_without_class_logits():
    assert {name for name, member in OBJECTIVES.items() if not member().class_logits} == {"coral", "corn"}


@pytest.mark.parametrize("name", ORDERED)
@given(st.data())
def test_a_further_miss_costs_more(name, data):
    n_grades = data.draw(st.integers(3, 7))
    three = data.draw(st.sets(st.integers(0, n_grades - 1), min_size=3, max_size=3))
    gold, near, far = sorted(three, reverse=data.draw(st.booleans()))
    objective, strength = OBJECTIVES[name](), data.draw(st.floats(0.5, 20))
    sure = sure_of if objective.class_logits else thresholds_passed
    near_cost, far_cost = (cost_of(objective, sure(grade, n_grades, strength), gold) for grade in (near, far))
    assert far_cost > near_cost
