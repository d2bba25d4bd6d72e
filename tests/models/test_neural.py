"""What both kinds of model share: prediction, feature sources, batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.grades import GradeScale
from darl.models.base import FROZEN
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.neural import length_batches
from tests.tiny import toy_pairs

PAIRS = [one.pair for one in toy_pairs(11)]


@pytest.fixture
def model(backbone):
    model = build_model(ModelConfig(backbone=backbone), GradeScale())
    with torch.no_grad():  # as if trained: an adapter and a head that do something
        for weight in model.trainable().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return model


def test_predictions_come_in_the_order_of_the_pairs(model):
    order = np.random.default_rng(0).permutation(len(PAIRS))
    straight, shuffled = model.predict(PAIRS), model.predict([PAIRS[i] for i in order])
    np.testing.assert_allclose(straight.grade_probs[order], shuffled.grade_probs, atol=1e-5)
    np.testing.assert_allclose(straight.features[order], shuffled.features, atol=1e-4)


def test_frozen_features_are_those_of_the_backbone(model, backbone):
    fresh = build_model(ModelConfig(backbone=backbone), GradeScale())
    frozen = model.features(PAIRS, FROZEN)
    np.testing.assert_allclose(frozen, fresh.predict(PAIRS).features, atol=1e-5)
    tuned = model.predict(PAIRS).features
    assert np.abs(tuned - frozen).max() > 1e-3
    np.testing.assert_array_equal(tuned, model.predict(PAIRS).features)  # the adapter is on again


def test_texts_that_are_encoded_already_get_the_same_predictions(model):
    texts, pairs = model.predict_texts(model.prompt.encode(PAIRS)), model.predict(PAIRS)
    for name, array in pairs.arrays().items():
        np.testing.assert_array_equal(texts.arrays()[name], array)


def test_nothing_to_predict(model):
    nothing = model.predict([])
    assert len(nothing) == 0
    assert nothing.grade_probs.shape == (0, 3)
    assert nothing.features.shape[1] == model.predict(PAIRS[:1]).features.shape[1]


def test_an_untrained_encoder_calls_all_grades_equally_likely(tiny_encoder):
    model = build_model(ModelConfig(backbone=str(tiny_encoder)), GradeScale(("no", "some", "yes", "very")))
    np.testing.assert_allclose(model.predict(PAIRS).grade_probs, 0.25, atol=1e-6)


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 200))
def test_length_batches_hold_every_row_once_and_keep_to_the_budget(lengths, tokens):
    batches = length_batches(lengths, tokens)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or max(lengths[row] for row in rows) * len(rows) <= tokens
