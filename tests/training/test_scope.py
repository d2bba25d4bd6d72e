"""Which weights a stage trains: the head alone, some layers, and each stage its own weights of the terms."""

from __future__ import annotations

import json

import pytest
import torch

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.weighted import Weighted
from darl.training.config import TrainingConfig
from darl.training.scope import check_scopes, scope
from tests.training.test_loop import TRAIN, Stop, StopAfter, assert_same, fresh, train, weights


def config(**more):
    return TrainingConfig(**{"epochs": 2, "batch_size": 8, "lr": 1e-2} | more)


def moved(model, folder, **how):
    """The names of the weights that a training changes."""
    before = weights(model)
    train(model, folder, config(keep_best=False, **how))
    return {name for name, weight in weights(model).items() if not torch.equal(weight, before[name])}


def test_a_probe_moves_the_head_alone(backbone, tmp_path):
    model = fresh(backbone)
    assert moved(model, tmp_path, trains="head") == {"head.weight", "head.bias"}
    # And afterwards all of it can be trained again.
    assert all(weight.requires_grad for weight in model.trainable().values())
    assert any("lora" in name for name in model.trainable())
    assert any("lora" in name for name in moved(model, tmp_path / "then"))


def test_a_probe_fits_the_head_to_the_features_as_they_were(tiny_encoder, tmp_path):
    """Cross-entropy on the untrained model's own features falls by half, and they are still the same."""
    model, other = fresh(tiny_encoder), fresh(tiny_encoder)
    start = {name: weight.clone() for name, weight in weights(other).items()}
    train(model, tmp_path, config(trains="head", epochs=30, keep_best=False, weight_decay=0.0))
    features = torch.from_numpy(other.predict([one.pair for one in TRAIN]).features)
    grades = torch.tensor([one.grade for one in TRAIN])

    def loss(head):
        with torch.no_grad():
            return float(torch.nn.functional.cross_entropy(head(features), grades))

    assert loss(model.scorer.head) < 0.5 * loss(other.scorer.head)
    after = torch.from_numpy(model.predict([one.pair for one in TRAIN]).features)
    torch.testing.assert_close(after, features)
    assert_same(start, weights(other))


def test_layers_are_counted_from_one_and_inclusive(backbone, tmp_path):
    model = fresh(backbone)
    first = moved(model, tmp_path / "1", layers=[1, 1])
    second = moved(model, tmp_path / "2", layers=[2, 2])
    both = set(scope(model, config(layers=[1, 2])))
    head = {"head.weight", "head.bias"}
    assert first & second == head
    assert both == set(model.trainable())
    assert {name for name in first if "lora_B" in name} | {name for name in second if "lora_B" in name} == {
        name for name in both if "lora_B" in name
    }
    marks = {".layers.0.", ".layer.0."}
    assert all(any(mark in name for mark in marks) for name in first - head)


def test_a_scope_that_there_is_not_is_told_for_all_stages(tiny_llm, tmp_path):
    model = fresh(tiny_llm, upper_layers=1)
    stages = [config(), config(layers=[1, 1]), config(layers=[2, 3])]
    with pytest.raises(ConfigError) as refused:
        check_scopes(model, stages)
    assert "stage 2: layers: expected some that have an adapter, received [1, 1]" in str(refused.value)
    assert "stage 3: layers: expected at most 2, the backbone's layers, received [2, 3]" in str(refused.value)
    with pytest.raises(ConfigError, match="layers: expected at most 2"):
        train(model, tmp_path, config(layers=[2, 3]))
    with pytest.raises(ValueError, match="1 <= first <= last"):
        config(layers=[2, 1])


@pytest.mark.parametrize("pairs", [20, 60])
def test_an_interrupted_probe_ends_in_the_same_weights(tiny_llm, tmp_path, pairs):
    how = config(trains="head", ema=0.9)
    whole = weights(train(fresh(tiny_llm), tmp_path / "whole", how))
    with pytest.raises(Stop):
        train(fresh(tiny_llm), tmp_path / "cut", how, checkpoint_seconds=0.0, progress=StopAfter(pairs))
    assert_same(whole, weights(train(fresh(tiny_llm), tmp_path / "cut", how)))


def two_terms(backbone, second):
    objective = {
        "name": "weighted",
        "terms": ["soft_grades", "in_query_contrast"],
        "weights": [1.0, second],
    }
    return build_model(ModelConfig(backbone=str(backbone), objective=objective), GradeScale(), seed=1)


def test_a_stage_weighs_the_terms_in_its_own_way(tiny_llm, tmp_path):
    how = {"items_per_query": 3, "epochs": 1}
    own = weights(train(two_terms(tiny_llm, 0.5), tmp_path / "own", config(**how)))
    stage = config(objective_weights=[1, 0.5], **how)
    set_ = weights(train(two_terms(tiny_llm, 2.0), tmp_path / "stage", stage))
    other = weights(train(two_terms(tiny_llm, 2.0), tmp_path / "other", config(**how)))
    assert_same(own, set_)
    assert any(not torch.equal(own[name], other[name]) for name in own)


def test_a_term_without_weight_asks_for_nothing():
    objective = Weighted([SoftGrades(), InQueryContrast()], [1.0, 1.0])
    assert "items_per_query" in config(items_per_query=1).faults(objective)[0]
    assert config(items_per_query=1, objective_weights=[1, 0]).faults(objective) == []


def test_weights_that_do_not_fit_are_refused():
    objective = Weighted([SoftGrades(), InQueryContrast()], [1.0, 1.0])
    for given, told in (
        ([1], "objective_weights: expected 2 numbers"),
        ([0, 0], "objective_weights: expected finite numbers"),
    ):
        assert told in config(objective_weights=given).faults(objective)[0]
    assert "the objective has no terms" in config(objective_weights=[1]).faults(SoftGrades())[0]


def test_a_stage_is_written_as_ever_without_them():
    """Older folders and checkpoints are named by it."""
    keys = set(TrainingConfig().model_dump())
    assert keys == {
        *("epochs", "lr", "head_lr", "batch_size", "micro_batch_size", "warmup", "weight_decay"),
        *("max_grad_norm", "patience", "items_per_query", "gradient_checkpointing", "trunk_cache_gb"),
        "keep_best",
    }
    written = config(trains="head", layers=[1, 2], ema=0.9, anchor={"kl": 1}, objective_weights=[1, 0])
    again = TrainingConfig.model_validate(json.loads(written.model_dump_json()))
    assert again == written
    assert set(written.model_dump()) - keys == {"trains", "layers", "ema", "anchor", "objective_weights"}
