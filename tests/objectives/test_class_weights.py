"""The option that several objectives share."""

from __future__ import annotations

import re

import pytest
import torch

from darl.errors import ShapeError
from darl.objectives.focal import Focal
from darl.objectives.label_smoothing import LabelSmoothing
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from tests.objectives.made import batch

EVERY = pytest.mark.parametrize("member", [Focal, LabelSmoothing, SoftGrades, Softmax])
WEIGHTS = [0.5, 1, 3.0]


@EVERY
def test_each_pair_costs_its_grades_weight(member):
    logits, grades, ids = batch(3, 3)
    plain, weighted, total = member(), member(class_weights=WEIGHTS), 0.0
    for i in range(7):
        row = slice(i, i + 1)
        total += WEIGHTS[int(grades[i])] * plain.loss(logits[row], grades[row], ids[row]).item()
    assert weighted.loss(logits, grades, ids).item() == pytest.approx(total / 7, rel=1e-6)


@EVERY
def test_weights_of_one_change_nothing(member):
    logits, grades, ids = batch(3, 3)
    torch.testing.assert_close(
        member(class_weights=[1, 1, 1]).loss(logits, grades, ids), member().loss(logits, grades, ids)
    )


@EVERY
def test_gradient(member):
    logits, grades, ids = batch(3, 3)
    objective = member(class_weights=WEIGHTS)
    assert torch.autograd.gradcheck(lambda x: objective.loss(x, grades, ids), (logits.requires_grad_(),))


@EVERY
def test_decoding_does_not_know_them(member):
    logits, _, _ = batch(3, 3)
    assert torch.equal(member(class_weights=WEIGHTS).grade_probs(logits), member().grade_probs(logits))


@EVERY
def test_a_step_may_be_cut_into_micro_batches(member):
    logits, grades, ids = batch(3, 3)
    objective = member(class_weights=WEIGHTS)
    parts = [objective.loss(logits[cut], grades[cut], ids[cut]) for cut in (slice(0, 4), slice(4, 7))]
    torch.testing.assert_close(objective.loss(logits, grades, ids), (4 * parts[0] + 3 * parts[1]) / 7)


@EVERY
@pytest.mark.parametrize("weights", [[1, 2], [1, 2, 3, 4]])
def test_other_than_one_a_grade(member, weights):
    logits, grades, ids = batch(3, 3)
    message = f"class_weights: expected 3 numbers, one for each grade, received {len(weights)}"
    with pytest.raises(ShapeError, match=message):
        member(class_weights=weights).loss(logits, grades, ids)
    assert member(class_weights=weights).faults(3) == [message]
    assert member(class_weights=weights).faults(len(weights)) == []


@EVERY
@pytest.mark.parametrize(
    "weights",
    ["balanced", 2.0, [], [1], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")], [1, True], [1, "2"]],
)
def test_what_are_no_weights(member, weights):
    message = f"expected a list of finite numbers > 0, one for each grade, received {weights!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        member(class_weights=weights)
