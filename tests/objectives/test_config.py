"""A list of terms in a config."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from darl.catalogue import Component, build, component_faults
from darl.models.config import ModelConfig
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.confidence_penalty import ConfidencePenalty
from darl.objectives.config import ObjectiveField
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades


class Config(BaseModel):
    objective: ObjectiveField = Component(name="softmax")


def read(value):
    return Config.model_validate({"objective": value}).objective


LISTED = [
    {"name": "soft_grades", "weight": 1},
    {"name": "in_query_contrast", "margin": 2.0, "weight": 0.2},
    {"name": "confidence_penalty", "weight": 0.1},
]


def test_a_list_is_the_weighted_sum_of_its_terms():
    made = build("objective", OBJECTIVES, read(LISTED))
    assert [type(term) for term in made.terms] == [SoftGrades, InQueryContrast, ConfidencePenalty]
    assert made.terms[1].margin == 2.0
    assert made.weights == (1, 0.2, 0.1)
    assert made.compares_items
    assert made.sees_grades


def test_it_is_kept_as_the_long_form_and_read_back():
    terms = ["softmax", {"name": "in_query_contrast", "margin": 2.0}]
    long = {"name": "weighted", "terms": terms, "weights": [1, 0.2]}
    listed = read(["softmax", LISTED[1]])
    assert listed == read(long)
    assert listed.model_dump() == long
    config = ModelConfig(backbone="minilm-l6", objective=["softmax", LISTED[1]])
    assert ModelConfig.model_validate(config.model_dump(mode="json")) == config
    assert config.objective == listed


@pytest.mark.parametrize("value", ["softmax", {"name": "focal", "gamma": 1.0}, Component(name="coral")])
def test_anything_else_is_a_component_as_ever(value):
    assert read(value) == Component.model_validate(value)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], "weighted: terms: expected a list of at least one objective, received []"),
        ([5], "weighted.terms[0]: expected a name or {name: ..., ...}, received 5"),
        (["softmax", "hinge"], "weighted.terms[1]: unknown name 'hinge'"),
        ([{"weight": 1}], "weighted.terms[0]: expected a name or {name: ..., ...}, received {}"),
        ([{"name": "focal", "gama": 1}], "weighted.terms[0]: focal takes no argument 'gama'"),
        (
            [{"name": "softmax", "weight": "much"}],
            "weighted: weights: expected finite numbers >= 0, not all 0, received ['much']",
        ),
        (
            ["softmax", "coral"],
            "weighted: terms[1]: expected 3 logits for 3 grades, as terms[0] wants, received 2",
        ),
    ],
)
def test_what_is_wrong_in_a_list(value, fault):
    (received,) = component_faults(OBJECTIVES, read(value))
    assert received.startswith(fault)


def test_what_is_neither_a_name_nor_a_list():
    with pytest.raises(ValidationError):
        read(5)
