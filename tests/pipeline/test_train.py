"""A single training: what it leaves beside the model, and what it refuses before it begins."""

from __future__ import annotations

import numpy as np
import pytest

import darl
from darl.errors import ConfigError
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.reference import REFERENCE, Reference
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.softmax import Softmax
from darl.pipeline import train as training
from darl.pipeline.gauge import GAUGE
from darl.pipeline.ood_config import OODConfig
from darl.training.config import TrainingConfig
from tests.tiny import toy_pairs

GRADED, VALID = toy_pairs(40, queries=8), toy_pairs(20, queries=4, prefix="v")


@pytest.fixture
def config(tiny_llm):
    return ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(rank=2))


def train(config, out, **more):
    settings = TrainingConfig(epochs=1, batch_size=8)
    return darl.train(GRADED, out, model=config, training=settings, valid=VALID, **more)


def ood(**entry):
    return OODConfig.model_validate({"detector": {"name": "knn", "k": 3}, **entry})


def test_it_says_how_unusual_a_pair_is(config, tmp_path):
    """As docs/predicting.md has it."""
    train(config, tmp_path, reference_size=10, ood=ood(size=30))
    model, gauge = darl.load_model(tmp_path / "model"), darl.load_gauge(tmp_path / "model")
    predictions = model.predict([one.pair for one in toy_pairs(9, prefix="new")])
    ood_scores = gauge.ood_scores(predictions)
    percentiles = gauge.percentiles(ood_scores)
    assert percentiles.tolist() == [100 * np.mean(gauge.held_out < score) for score in ood_scores]
    assert len(gauge.detector.state()["KNN.rows"]) == 30
    assert len(gauge.held_out) == 20
    kept = Reference.load(tmp_path / "model" / REFERENCE)
    assert len(kept.pairs) == len(kept.held_out_pairs) == 10
    held_out = model.predict([one.pair for one in VALID])
    np.testing.assert_allclose(np.sort(gauge.ood_scores(held_out)), gauge.held_out, atol=1e-5)


def test_none_is_kept_if_none_is_wanted(config, tmp_path):
    train(config, tmp_path, reference_size=0, ood=None)
    assert not {GAUGE, REFERENCE} & {path.name for path in (tmp_path / "model").iterdir()}
    assert darl.load_gauge(tmp_path / "model") is None


def test_a_layer_that_is_not_there_is_told_before_training(config, tmp_path):
    with pytest.raises(ConfigError, match="expected a layer from 1 to 2, received @3"):
        train(config, tmp_path, ood=ood(features="frozen@3"))
    assert not list(tmp_path.iterdir())


def test_logits_that_are_not_there_are_told_before_the_model_is_loaded(config, tmp_path, monkeypatch):
    class Thresholds(Softmax):
        class_logits = False

    monkeypatch.setitem(OBJECTIVES, "thresholds", Thresholds)
    monkeypatch.setattr(training, "build_model", lambda *_, **__: pytest.fail("the model was loaded"))
    other = ModelConfig.model_validate(config.model_dump() | {"objective": "thresholds"})
    with pytest.raises(ConfigError, match="reads one logit a grade"):
        train(other, tmp_path, ood=ood(detector="max_logit"))
