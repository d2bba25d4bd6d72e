"""The adapter folded into the backbone's weights: the same predictions, and no trace of it afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.adapter import FoldedAdapter
from darl.models.base import FROZEN
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from tests.tiny import toy_pairs

SCALE = GradeScale()
PAIRS = [one.pair for one in toy_pairs(9)]


@pytest.fixture
def model(backbone):
    return trained(backbone)


def trained(backbone, seed=3, **config):
    """As if trained: an adapter and a head that do something."""
    model = build_model(ModelConfig(backbone=backbone, **config), SCALE)
    change(model, seed)
    return model


def change(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))


@torch.inference_mode()
def unfolded(model, pairs=PAIRS):
    """Logits with the low-rank maps beside the full ones."""
    model.scorer.eval()
    return model.scorer(model.collate(model.prompt.encode(pairs)))[0]


def folded(model):
    return torch.from_numpy(model.predict(PAIRS).logits)


def frozen_weights(model):
    return {n: weight for n, weight in model.scorer.named_parameters() if not weight.requires_grad}


def agree(model):
    torch.testing.assert_close(folded(model), unfolded(model), atol=1e-6, rtol=1e-5)


def test_folded_predictions_are_the_unfolded_ones(model, backbone):
    agree(model)
    fresh = build_model(ModelConfig(backbone=backbone), SCALE)
    assert (folded(fresh) - folded(model)).abs().max() > 1e-3  # the adapter does something


def test_an_adapter_on_upper_layers_only(backbone):
    agree(trained(backbone, adapter=AdapterConfig(upper_layers=1, rank=3, alpha=7)))


def test_the_fold_is_in_place_inside_the_block_only(model):
    fold, texts = FoldedAdapter(model.scorer.body), model.collate(model.prompt.encode(PAIRS))
    expected = unfolded(model)
    own = {name: weight.clone() for name, weight in frozen_weights(model).items()}
    with fold.in_place(), torch.no_grad():
        inside = {name: weight.clone() for name, weight in model.scorer.named_parameters() if name in own}
        torch.testing.assert_close(model.scorer(texts)[0], expected, atol=1e-6, rtol=1e-5)
    moved = {name for name in own if not torch.equal(own[name], inside[name])}
    assert moved == {name for name in own if name.endswith("base_layer.weight")}
    assert all(torch.equal(own[name], weight) for name, weight in frozen_weights(model).items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_backbone_is_the_same_to_the_bit_afterwards(backbone, dtype):
    model = trained(backbone, dtype=dtype)
    before = {
        name: (weight, weight.clone(), weight.data_ptr()) for name, weight in frozen_weights(model).items()
    }
    assert before
    model.predict(PAIRS)
    with pytest.raises(KeyError, match="lost"), model.folded.in_place():
        raise KeyError("lost")
    with pytest.raises(RuntimeError):
        spoil_and_fold(model)
    after = frozen_weights(model)
    assert after.keys() == before.keys()
    for name, (weight, values, place) in before.items():
        assert after[name] is weight
        assert torch.equal(weight, values)
        assert weight.data_ptr() == place  # nor a copy of it


def spoil_and_fold(model):
    """Fold an adapter whose last map does not fit."""
    last = [one for name, one in model.scorer.named_modules() if name.endswith("lora_B.default")][-1]
    last.weight.data = last.weight.data[:-1]
    with FoldedAdapter(model.scorer.body).in_place():
        pytest.fail("an adapter that does not fit was folded")


def test_what_is_trained_is_the_same_afterwards(model):
    before = model.trainable()
    for weight in before.values():
        weight.grad = torch.ones_like(weight)
    model.predict(PAIRS)
    after = model.trainable()
    assert list(after) == list(before)
    for name, weight in after.items():
        assert weight is before[name]
        assert weight.grad is not None


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_the_fold_follows_an_optimisers_step(model, optimizer, fused):
    first = folded(model)
    step = optimizer(model.trainable().values(), lr=0.05, fused=fused)
    logits, _ = model.scorer(model.collate(model.prompt.encode(PAIRS)))
    logits.square().sum().backward()
    model.scorer.head.weight.grad = model.scorer.head.bias.grad = None  # the adapter alone moves
    step.step()
    assert (folded(model) - first).abs().max() > 1e-3
    agree(model)


def test_the_fold_follows_loaded_weights(model, backbone):
    first, other = folded(model), trained(backbone, seed=4)
    state = {name: weight.detach().clone() for name, weight in other.trainable().items()}
    model.scorer.load_state_dict(state, strict=False)
    torch.testing.assert_close(folded(model), folded(other), atol=1e-6, rtol=1e-5)
    assert (folded(model) - first).abs().max() > 1e-3


def test_the_fold_follows_an_adapter_loaded_by_peft(model, backbone):
    folded(model)
    other = trained(backbone, seed=4)
    set_peft_model_state_dict(model.scorer.body, get_peft_model_state_dict(other.scorer.body))
    agree(model)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("below", [False, True], ids=["weight", "weight.data"])
def test_the_fold_follows_changes_made_without_gradients(model, context, below):
    first = folded(model)
    with context():
        for name, weight in model.trainable().items():
            if "lora_B" in name:
                (weight.data if below else weight).mul_(-1)
    assert (folded(model) - first).abs().max() > 1e-3
    agree(model)


def test_the_fold_follows_new_tensors_in_the_old_ones_place(model):
    """Loading with assign=True puts other tensors in; one may get the address of one that is gone."""
    for _ in range(4):
        state = {name: torch.randn_like(weight) / 20 for name, weight in model.trainable().items()}
        model.scorer.load_state_dict(state, strict=False, assign=True)
        agree(model)


def test_the_fold_follows_the_backbones_type(model):
    folded(model)
    model.scorer.body.double()
    agree(model)


def test_the_fold_is_made_once(model):
    folded(model)
    first = {name: total.data_ptr() for name, (_, _, total) in model.folded._sums.items()}
    folded(model)
    assert {name: total.data_ptr() for name, (_, _, total) in model.folded._sums.items()} == first


def test_frozen_features_know_nothing_of_the_adapter(model, backbone):
    expected = build_model(ModelConfig(backbone=backbone), SCALE).features(PAIRS, FROZEN)
    for _ in range(2):
        received = model.features(PAIRS, FROZEN)
        torch.testing.assert_close(torch.from_numpy(received), torch.from_numpy(expected), atol=1e-6, rtol=0)
        folded(model)


def test_two_threads_may_predict_with_one_model(model):
    """Whether the second block waits for the first or shares its weights, neither spoils the other."""
    before = {name: weight.clone() for name, weight in frozen_weights(model).items()}
    expected, entered, left = folded(model), Event(), Event()
    texts = model.collate(model.prompt.encode(PAIRS))

    @torch.inference_mode()
    def second():
        with model.folded.in_place():
            entered.set()
            left.wait()
            return model.scorer(texts)[0]

    with ThreadPoolExecutor(1) as thread:
        with model.folded.in_place():
            result = thread.submit(second)
            entered.wait(timeout=0.3)  # never, where blocks wait for each other
        left.set()
        torch.testing.assert_close(result.result(), expected, atol=1e-6, rtol=1e-5)
    assert all(torch.equal(weight, before[name]) for name, weight in frozen_weights(model).items())
    torch.testing.assert_close(folded(model), expected, atol=0, rtol=0)


def test_blocks_within_blocks(model):
    before = {name: weight.clone() for name, weight in frozen_weights(model).items()}
    with model.folded.in_place():
        inner = folded(model)
    torch.testing.assert_close(inner, unfolded(model), atol=1e-6, rtol=1e-5)
    assert all(torch.equal(weight, before[name]) for name, weight in frozen_weights(model).items())


def test_folded_in_for_good_threads_predict_at_once(model):
    expected = model.predict(PAIRS)
    model.folded.stay()
    model.folded.stay()
    with ThreadPoolExecutor(3) as threads:
        for found in threads.map(model.predict, [PAIRS] * 6):
            np.testing.assert_allclose(found.grade_probs, expected.grade_probs, atol=1e-6)
    with pytest.raises(ConfigError, match="folded in for good"):
        model.features(PAIRS, FROZEN)
