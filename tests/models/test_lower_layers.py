from contextlib import contextmanager

import numpy as np
import pytest
import torch

from darl.grades import GradeScale
from darl.models.base import FeatureView
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.trunk import Trunk, TrunkMemory
from tests.tiny import CAUSAL, WINDOWED, save_causal, save_encoder, toy_pairs

PAIRS = [one.pair for one in toy_pairs(12)]
KINDS = [*CAUSAL, *WINDOWED, "encoder"]


def built(folder, kind, upper_layers=1, seed=0, **more):
    backbone = save_encoder(folder) if kind == "encoder" else save_causal(folder, kind)
    config = ModelConfig(backbone=str(backbone), adapter=AdapterConfig(upper_layers=upper_layers), **more)
    model = build_model(config, GradeScale(), seed=seed)
    for name, weight in model.trainable().items():
        if "lora_B" in name or name == "head.weight":
            torch.nn.init.normal_(weight, std=0.1)
    return model


def learn(model, pairs=PAIRS):
    return model.lower.learn(model.prompt.encode(pairs))


@contextmanager
def runs_of_the_trunk(monkeypatch):
    """How many tokens the trunk was run over."""
    seen, run = [], Trunk.run

    def counted(self, row):
        seen.append(len(row.tokens))
        return run(self, row)

    with monkeypatch.context() as patched:
        patched.setattr(Trunk, "run", counted)
        yield seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_says_the_same_with_its_lower_layers_remembered(kind, tmp_path, monkeypatch):
    model, memory = built(tmp_path / "backbone", kind), TrunkMemory(tmp_path, 1)
    whole, frozen = model.predict(PAIRS), model.features(PAIRS, FeatureView.parse("frozen"))
    model.lower.remember(memory)
    assert model.lower.are_known
    np.testing.assert_allclose(model.predict(PAIRS).logits, whole.logits, atol=1e-4)
    assert memory.is_empty  # reading is not learning
    learn(model)
    with runs_of_the_trunk(monkeypatch) as tokens:
        remembered = model.predict(PAIRS)
        np.testing.assert_allclose(remembered.logits, whole.logits, atol=1e-4)
        np.testing.assert_allclose(remembered.features, whole.features, atol=1e-4)
        np.testing.assert_allclose(model.features(PAIRS, FeatureView.parse("frozen")), frozen, atol=1e-4)
    assert tokens == []
    model.lower.remember(None)
    np.testing.assert_array_equal(model.predict(PAIRS).logits, whole.logits)


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
def test_what_is_remembered_is_what_is_read(kind, tmp_path):
    model, memory = built(tmp_path / "backbone", kind), TrunkMemory(tmp_path, 1)
    model.lower.remember(memory)
    learn(model)
    before = model.predict(PAIRS).logits
    for chunk in memory._chunks:
        chunk *= -1
    assert np.abs(model.predict(PAIRS).logits - before).max() > 1e-3


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
def test_another_model_with_the_same_lower_layers_takes_them_over(kind, tmp_path, monkeypatch):
    memory = TrunkMemory(tmp_path, 1)
    first, second = (built(tmp_path / str(seed), kind, seed=seed) for seed in (0, 1))
    expected = second.predict(PAIRS).logits
    first.lower.remember(memory)
    learn(first)
    second.lower.remember(memory)
    with runs_of_the_trunk(monkeypatch) as tokens:
        np.testing.assert_allclose(second.predict(PAIRS).logits, expected, atol=1e-4)
    assert tokens == []


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
def test_layers_by_number_are_run(kind, tmp_path):
    model, view = built(tmp_path / "backbone", kind), FeatureView.parse("frozen@1")
    expected = model.features(PAIRS, view)
    model.lower.remember(TrunkMemory(tmp_path, 1))
    learn(model)
    np.testing.assert_allclose(model.features(PAIRS, view), expected, atol=1e-5)
    assert model.lower.are_known


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
@pytest.mark.parametrize("limit_gb", [1e-9, 3e-6])
def test_no_room_for_some_or_all(kind, limit_gb, tmp_path):
    model = built(tmp_path / "backbone", kind)
    expected = model.predict(PAIRS).logits
    model.lower.remember(TrunkMemory(tmp_path, limit_gb))
    for _ in range(2):
        assert not learn(model)
        np.testing.assert_allclose(model.predict(PAIRS).logits, expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
def test_gradients_are_alike_after_predicting(kind, tmp_path):
    model = built(tmp_path / "backbone", kind)
    texts = model.prompt.encode(PAIRS)

    def gradients():
        model.scorer.zero_grad()
        model.scorer(model.collate(texts))[0].square().sum().backward()
        return {name: weight.grad.clone() for name, weight in model.trainable().items()}

    whole = gradients()
    model.lower.remember(TrunkMemory(tmp_path, 1))
    with torch.inference_mode():
        learn(model)
    for name, gradient in gradients().items():
        torch.testing.assert_close(gradient, whole[name], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("kind", "more"), [("qwen3", {"upper_layers": None}), ("encoder", {"reading": "joint"})]
)
def test_there_may_be_nothing_to_remember(kind, more, tmp_path):
    model = built(tmp_path / "backbone", kind, **more)
    model.lower.remember(TrunkMemory(tmp_path, 1))
    assert not model.lower.are_known
    assert learn(model)


@pytest.mark.parametrize("kind", ["qwen3", "encoder"])
def test_rows_with_a_text_that_is_not_known_are_read_whole(kind, tmp_path):
    model = built(tmp_path / "backbone", kind)
    expected = model.predict(PAIRS).logits
    model.lower.remember(TrunkMemory(tmp_path, 1))
    learn(model, PAIRS[:7])
    np.testing.assert_allclose(model.predict(PAIRS).logits, expected, atol=1e-4)
