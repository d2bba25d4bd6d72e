from __future__ import annotations

import re

import pytest
import torch

from darl.catalogue import Component, build
from darl.errors import ConfigError
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.confidence_penalty import ConfidencePenalty
from darl.objectives.coral import Coral
from darl.objectives.corn import Corn
from darl.objectives.earth_mover import EarthMover
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from darl.objectives.weighted import Weighted
from tests.objectives.made import batch


def configured(**arguments):
    return build("objective", OBJECTIVES, Component.model_validate({"name": "weighted", **arguments}))


def test_it_is_the_weighted_sum():
    logits, grades, ids = batch(4, 4)
    terms = [SoftGrades(3.0), EarthMover(), InQueryContrast(0.5)]
    expected = 0.0
    for weight, term in zip([1, 0.25, 2.0], terms, strict=True):
        expected += weight * term.loss(logits, grades, ids).item()
    assert Weighted(terms, [1, 0.25, 2.0]).loss(logits, grades, ids).item() == pytest.approx(expected)


def test_unless_given_every_weight_is_one():
    logits, grades, ids = batch(3, 3)
    expected = SoftGrades().loss(logits, grades, ids) + InQueryContrast().loss(logits, grades, ids)
    torch.testing.assert_close(Weighted().loss(logits, grades, ids), expected)


def test_one_term_of_weight_one_is_that_term():
    logits, grades, ids = batch(3, 3)
    assert torch.equal(Weighted([Softmax()]).loss(logits, grades, ids), Softmax().loss(logits, grades, ids))


def test_a_weight_of_zero_leaves_a_term_out():
    logits, grades, ids = batch(3, 3)
    logits.requires_grad_()
    loss = Weighted([Softmax(), EarthMover()], [1, 0]).loss(logits, grades, ids)
    (both,) = torch.autograd.grad(loss, logits)
    (alone,) = torch.autograd.grad(Softmax().loss(logits, grades, ids), logits)
    assert torch.equal(both, alone)


def test_logits_and_decoding_are_the_terms():
    weighted = Weighted([Coral(), Weighted([Coral()])], [1, 1])
    logits, _, _ = batch(3, 4)
    assert weighted.n_logits(4) == 3
    assert not weighted.class_logits
    assert torch.equal(weighted.grade_probs(logits), Coral().grade_probs(logits))
    assert Weighted([Softmax()]).class_logits


def test_what_the_head_has_to_be_is_the_terms():
    for term in (Softmax(), Coral(), Corn()):
        weighted = Weighted([term, term])
        assert weighted.shares_row is term.shares_row
        assert all(map(torch.equal, weighted.from_classes(4), term.from_classes(4)))


def test_a_term_without_a_weight_asks_for_nothing():
    assert Weighted([Softmax(), InQueryContrast()], [1, 0.1]).compares_items
    assert not Weighted([Softmax(), InQueryContrast()], [1, 0]).compares_items
    assert Weighted([ConfidencePenalty(), Softmax()], [1, 1]).sees_grades
    assert not Weighted([ConfidencePenalty(), Softmax()], [1, 0]).sees_grades


def test_the_terms_faults_with_their_places():
    weighted = Weighted([Softmax(), Weighted([Softmax([1, 2]), Softmax([1, 2, 3])])])
    fault = "class_weights: expected 3 numbers, one for each grade, received 2"
    assert weighted.faults(3) == [f"terms[1]: terms[0]: {fault}"]


def test_a_config_names_the_terms():
    made = configured(terms=["softmax", {"name": "in_query_contrast", "margin": 0.5}], weights=[1, 0.3])
    assert [type(term) for term in made.terms] == [Softmax, InQueryContrast]
    assert made.terms[1].margin == 0.5
    assert made.weights == (1, 0.3)


def test_a_fault_within_is_told_with_its_place():
    with pytest.raises(ConfigError) as raised:
        configured(terms=["softmax", {"name": "focal", "gamma": -1}, "hinge"])
    first, second = raised.value.faults
    assert first == "weighted.terms[1]: focal: gamma: expected a finite number >= 0, received -1"
    assert second.startswith("weighted.terms[2]: unknown name 'hinge'")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "terms: expected a list of at least one objective, received []"),
        (Softmax(), "terms: expected a list of at least one objective, received <"),
        ([Softmax(), None], "terms[1]: expected an objective, received None"),
        ([Softmax(), Coral()], "terms[1]: expected 3 logits for 3 grades, as terms[0] wants, received 2"),
        ([Corn(), Softmax()], "terms[1]: expected 2 logits for 3 grades, as terms[0] wants, received 3"),
        ([Coral(), Corn()], "terms[1]: expected the decoding of terms[0], Coral, received that of Corn"),
    ],
)
def test_terms_that_are_refused(terms, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Weighted(terms)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2, 3], "weights: expected 2 numbers, one for each term, received 3"),
        ([1], "weights: expected 2 numbers, one for each term, received 1"),
        ([0, 0], "weights: expected finite numbers >= 0, not all 0, received [0, 0]"),
        ([1, -1], "not all 0, received [1, -1]"),
        ([1, float("nan")], "not all 0, received [1, nan]"),
        ([1, float("inf")], "not all 0, received [1, inf]"),
        ([1, True], "not all 0, received [1, True]"),
        ([1, "2"], "not all 0, received [1, '2']"),
        ([], "not all 0, received []"),
        (1.0, "not all 0, received 1.0"),
    ],
)
def test_weights_that_are_refused(weights, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Weighted([Softmax(), InQueryContrast()], weights)
