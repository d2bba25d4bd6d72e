"""An encoder's head starts from the similarity of query and item, whatever the objective."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from darl.catalogue import Component
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.similarity import MOST, SLOPE, start_from_similarity
from darl.pairs import GradedPair
from tests.tiny import toy_pairs

GRADES = [0] * 24 + [1] * 12 + [2] * 4
GRADED = [GradedPair(one.pair, grade) for one, grade in zip(toy_pairs(40), GRADES, strict=True)]


def fresh(backbone, objective="softmax", **config):
    named = Component(name=objective)
    return build_model(ModelConfig(backbone=str(backbone), objective=named, **config), GradeScale())


def started(model, graded=GRADED):
    start_from_similarity(model, graded, np.random.default_rng(0))
    return model.predict([one.pair for one in graded])


def similarity(predictions):
    width = predictions.features.shape[1] // 4
    u, v = predictions.features[:, :width], predictions.features[:, width : 2 * width]
    return (u * v).sum(axis=1) / width


@pytest.mark.parametrize("reading", ["apart", "joint"])
def test_what_is_more_alike_is_more_relevant_by_the_slope(tiny_encoder, reading):
    found = started(fresh(tiny_encoder, reading=reading))
    alike = similarity(found)
    assert (np.abs(alike) <= 1 + 1e-5).all()
    assert spearmanr(found.scores, alike).statistic == pytest.approx(1)
    steps = np.diff(found.logits, axis=1)
    np.testing.assert_allclose(steps - steps[0], SLOPE * (alike - alike[0])[:, None].repeat(2, 1), atol=1e-3)


def test_grades_are_on_average_as_likely_as_they_are_frequent(tiny_encoder):
    found = started(fresh(tiny_encoder))
    wanted = (np.array([24, 12, 4]) + 1 / 3) / 41
    np.testing.assert_allclose(found.grade_probs.mean(axis=0), wanted, atol=1e-3)


def test_a_grade_that_no_pair_has_is_unlikely_and_not_impossible(tiny_encoder):
    found = started(fresh(tiny_encoder), [one._replace(grade=min(one.grade, 1)) for one in GRADED])
    assert 0 < found.grade_probs[:, 2].mean() < 0.02


@pytest.mark.parametrize("objective", ["coral", "corn", "soft_grades", "earth_mover"])
def test_every_objective_starts_so(tiny_encoder, objective):
    found = started(fresh(tiny_encoder, objective))
    assert spearmanr(found.scores, similarity(found)).statistic == pytest.approx(1)


def test_a_head_that_is_not_blank_stays_as_it_is(tiny_encoder, tiny_llm):
    model = fresh(tiny_encoder)
    started(model)
    before = model.scorer.head.weight.clone()
    started(model, GRADED[:10])
    torch.testing.assert_close(model.scorer.head.weight, before, rtol=0, atol=0)
    llm = fresh(tiny_llm)
    words = llm.scorer.head.weight.clone()
    started(llm)
    torch.testing.assert_close(llm.scorer.head.weight, words, rtol=0, atol=0)


def test_without_graded_pairs_it_stays_blank(tiny_encoder):
    model = fresh(tiny_encoder)
    start_from_similarity(model, [], np.random.default_rng(0))
    assert not model.scorer.head.weight.any()


def test_of_many_pairs_so_many_are_read(tiny_encoder, monkeypatch):
    model, asked = fresh(tiny_encoder), []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda pairs, **more: asked.append(len(pairs)) or predict(pairs))
    start_from_similarity(model, GRADED * 30, np.random.default_rng(0))
    assert asked == [MOST]
