from __future__ import annotations

import pytest
import torch

from darl.catalogue import Component, build
from darl.errors import ConfigError
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.darl import Darl
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades
from tests.objectives.made import batch


def configured(**arguments):
    return build("objective", OBJECTIVES, Component.model_validate({"name": "darl", **arguments}))


def test_it_is_soft_grades_and_so_much_contrast():
    logits, grades, ids = batch(4, 4)
    soft, contrast = SoftGrades(3.0, "squared", [1, 2, 2, 1]), InQueryContrast(0.5)
    expected = soft.loss(logits, grades, ids) + 0.25 * contrast.loss(logits, grades, ids)
    made = Darl(0.25, 0.5, 3.0, "squared", [1, 2, 2, 1])
    torch.testing.assert_close(made.loss(logits, grades, ids), expected)
    assert torch.equal(made.grade_probs(logits), soft.grade_probs(logits))


def test_a_query_of_one_item_or_of_one_grade_leaves_soft_grades():
    logits, grades, _ = batch(3, 3)
    soft = SoftGrades().loss(logits, grades, torch.zeros(7))
    alone = Darl().loss(logits, grades, torch.arange(7))
    torch.testing.assert_close(alone, soft)
    same = torch.ones_like(grades)
    torch.testing.assert_close(
        Darl().loss(logits, same, torch.zeros(7)), SoftGrades().loss(logits, same, torch.zeros(7))
    )


def test_without_contrast_it_wants_no_items_of_one_query():
    assert Darl().compares_items
    assert not Darl(contrast=0).compares_items


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"contrast": -1}, "contrast: expected a finite number >= 0, received -1"),
        ({"margin": -1}, "margin: expected a finite number >= 0, received -1"),
        ({"sharpness": 0}, "sharpness: expected a finite number > 0, received 0"),
        ({"terms": ["softmax"]}, "terms"),
    ],
)
def test_faults_name_its_own_arguments(arguments, fault):
    with pytest.raises(ConfigError) as caught:
        configured(**arguments)
    assert fault in str(caught.value)


def test_weights_for_other_grades_are_its_own_fault():
    assert Darl(class_weights=[1.0, 2.0]).faults(3) == SoftGrades(class_weights=[1.0, 2.0]).faults(3)
    assert Darl().faults(3) == []
