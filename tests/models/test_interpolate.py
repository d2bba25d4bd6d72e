"""Models between models: the sum of the weight changes, not of their factors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.interpolate import Line, compacted, interpolated, mixed, model_of, soup
from darl.models.trained import Trained, put
from tests.tiny import save_causal, toy_pairs

SCALE = GradeScale()
PAIRS = [one.pair for one in toy_pairs(9)]


def trained(backbone, seed, **adapter):
    """As if trained: an adapter and a head that do something."""
    config = ModelConfig(backbone=str(backbone), adapter=AdapterConfig(**{"rank": 3, "alpha": 5.0} | adapter))
    model = build_model(config, SCALE, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return model


def deltas(model):
    """What was added to each linear map, map by map, by the definition of LoRA."""
    found = {}
    for name, layer in model.scorer.body.named_modules():
        if hasattr(layer, "lora_A"):
            down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            found[name] = (layer.lora_alpha["default"] / layer.r["default"]) * (up @ down).detach()
    return found


def dense(first, second, alpha):
    """Logits of a backbone to whose own weights the interpolated change was added: no adapter at all."""
    changes = [deltas(one) for one in (first, second)]
    base = model_of(mixed([Trained.of(first)], [1.0]))
    with torch.no_grad():
        for name, layer in base.scorer.body.named_modules():
            if hasattr(layer, "lora_B"):
                layer.lora_B["default"].weight.zero_()
                layer.get_base_layer().weight += (1 - alpha) * changes[0][name] + alpha * changes[1][name]
        for part in ("weight", "bias"):
            ends = [getattr(one.scorer.head, part) for one in (first, second)]
            getattr(base.scorer.head, part).copy_((1 - alpha) * ends[0] + alpha * ends[1])
    return base.predict(PAIRS).logits


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_weight_change_and_the_logits_are_interpolated(backbone, alpha):
    first, second = trained(backbone, 1), trained(backbone, 2, rank=2, alpha=4.0)
    middle = interpolated(Trained.of(first), Trained.of(second), alpha)
    expected = {name: (1 - alpha) * one + alpha * deltas(second)[name] for name, one in deltas(first).items()}
    assert expected
    for name, change in deltas(middle).items():
        torch.testing.assert_close(change, expected[name], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        middle.predict(PAIRS).logits, dense(first, second, alpha), rtol=1e-4, atol=1e-5
    )
    for end, at in ((first, 0.0), (second, 1.0)):
        if alpha == at:
            np.testing.assert_allclose(
                middle.predict(PAIRS).logits, end.predict(PAIRS).logits, rtol=1e-4, atol=1e-5
            )


def test_summing_the_factors_would_be_another_model(tiny_llm):
    """The test above can fail: the shortcut is far off where the exact sum is within rounding."""
    first, second = trained(tiny_llm, 1), trained(tiny_llm, 2)
    shortcut = trained(tiny_llm, 1)
    with torch.no_grad():
        for name, weight in shortcut.trainable().items():
            weight.copy_((first.trainable()[name] + second.trainable()[name]) / 2)
    off = np.abs(shortcut.predict(PAIRS).logits - dense(first, second, 0.5)).max()
    assert off > 1e-2


def test_the_kept_model_has_the_least_rank_and_the_first_models_scale(tiny_llm):
    first, second = Trained.of(trained(tiny_llm, 1)), Trained.of(trained(tiny_llm, 2, rank=2, alpha=4.0))
    assert mixed([first, second], [0.5, 0.5]).rank == 5
    middle = interpolated(first, second, 0.5).config.adapter
    assert (middle.rank, middle.alpha) == (5, pytest.approx(5 * 5.0 / 3))
    assert interpolated(first, second, 0.0).config.adapter.rank == 3
    assert interpolated(first, second, 1.0).config.adapter.rank == 2
    assert soup([first, first, first]).config.adapter.rank == 3


def test_ranks_do_not_grow_beyond_the_maps(tiny_llm):
    """Week after week of sums: a map of 32 numbers has no more than 32 singular values."""
    parts = [Trained.of(trained(tiny_llm, seed, rank=8)) for seed in range(6)]
    sum_ = mixed(parts, [1 / 6] * 6)
    least = compacted(sum_)
    assert sum_.rank == 48
    assert least.rank == 32
    for name, one in sum_.factors.items():
        torch.testing.assert_close(least.factors[name].up @ least.factors[name].down, one.up @ one.down)


def test_a_rank_that_no_adapter_has_is_refused(tiny_llm, monkeypatch):
    monkeypatch.setattr("darl.models.interpolate.MOST_RANK", 5)
    parts = [Trained.of(trained(tiny_llm, seed)) for seed in (1, 2)]
    with pytest.raises(ConfigError, match="the sum has rank 6, and an adapter 5 at most"):
        compacted(mixed(parts, [0.5, 0.5]))
    assert AdapterConfig(rank=1024).rank == 1024
    with pytest.raises(ValueError, match="1024"):
        AdapterConfig(rank=1025)


def test_a_soup_is_the_mean_of_the_changes(tiny_llm):
    models = [trained(tiny_llm, seed) for seed in (1, 2, 3)]
    mean = soup([Trained.of(one) for one in models])
    for name, change in deltas(mean).items():
        torch.testing.assert_close(change, sum(deltas(one)[name] for one in models) / 3, rtol=1e-4, atol=1e-6)
    heads = torch.stack([one.scorer.head.weight for one in models]).mean(dim=0)
    torch.testing.assert_close(mean.scorer.head.weight, heads)


def test_peft_adds_adapters_to_the_same(tiny_llm):
    """A second implementation: peft's own sum of adapters on one backbone, factors side by side."""
    first, second = trained(tiny_llm, 1), trained(tiny_llm, 2)
    body = model_of(Trained.of(first)).scorer.body
    body.add_adapter("other", body.peft_config["default"])
    with torch.no_grad():
        theirs = dict(second.scorer.body.named_parameters())
        for name, weight in body.named_parameters():
            if ".other." in name:
                weight.copy_(theirs[name.replace(".other.", ".default.")])
    body.add_weighted_adapter(["default", "other"], [0.25, 0.75], "sum", combination_type="cat")
    ours = deltas(interpolated(Trained.of(first), Trained.of(second), 0.75))
    for name, layer in body.named_modules():
        if hasattr(layer, "lora_A"):
            torch.testing.assert_close(ours[name], layer.get_delta_weight("sum"), rtol=1e-4, atol=1e-6)


def test_a_line_is_walked_by_one_model(backbone):
    first, second = Trained.of(trained(backbone, 1)), Trained.of(trained(backbone, 2, rank=5))
    line = Line(first, second)
    for alpha in (0.5, 1.0, 0.0, 0.25):
        expected = interpolated(first, second, alpha).predict(PAIRS).logits
        np.testing.assert_allclose(line.at(alpha).predict(PAIRS).logits, expected, rtol=1e-4, atol=1e-5)


def test_the_untrained_backbone_is_an_end_too(tiny_llm):
    """WiSE-FT's own case: between what the LM says by itself and what it was taught."""
    fresh = build_model(ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(rank=3)), SCALE)
    second = trained(tiny_llm, 2)
    start = interpolated(Trained.of(fresh), Trained.of(second), 0.0)
    np.testing.assert_allclose(start.predict(PAIRS).logits, fresh.predict(PAIRS).logits, rtol=1e-5, atol=1e-6)
    half = deltas(interpolated(Trained.of(fresh), Trained.of(second), 0.5))
    for name, change in deltas(second).items():
        torch.testing.assert_close(half[name], change / 2, rtol=1e-4, atol=1e-6)


def test_adapters_of_other_layers_are_united(tiny_llm):
    upper, whole = trained(tiny_llm, 1, upper_layers=1), trained(tiny_llm, 2)
    middle = interpolated(Trained.of(upper), Trained.of(whole), 0.25)
    assert middle.config.adapter.upper_layers is None
    for name, change in deltas(middle).items():
        other = deltas(upper).get(name, torch.zeros_like(change))
        expected = 0.75 * other + 0.25 * deltas(whole)[name]
        torch.testing.assert_close(change, expected, rtol=1e-4, atol=1e-6)


def test_it_is_kept_and_read_back_as_any_model(backbone, tmp_path):
    first, second = trained(backbone, 1), trained(backbone, 2)
    for name, model in (("first", first), ("second", second)):
        save_model(model, tmp_path / name)
    read = [Trained.read(tmp_path / name) for name in ("first", "second")]
    for one, model in zip(read, (first, second), strict=True):
        live = Trained.of(model)
        assert (one.config, one.grades, one.fingerprint) == (live.config, live.grades, live.fingerprint)
        assert one.factors.keys() == live.factors.keys()
        for name in one.factors:
            torch.testing.assert_close(one.factors[name].up, live.factors[name].up)
            torch.testing.assert_close(one.factors[name].down, live.factors[name].down)
        assert one.others.keys() == live.others.keys() == {"head.weight", "head.bias"}
    middle = interpolated(*read, 0.4)
    save_model(middle, tmp_path / "middle")
    again = load_model(tmp_path / "middle").predict(PAIRS)
    np.testing.assert_array_equal(again.logits, middle.predict(PAIRS).logits)


def test_what_does_not_belong_together_is_refused(tiny_llm, tmp_path):
    one = Trained.of(trained(tiny_llm, 1))
    stranger = Trained.of(trained(save_causal(tmp_path / "other", seed=9), 1))
    words = ("irrelevant", "weak", "strong")
    objective = ModelConfig(backbone=str(tiny_llm), objective="coral", max_length=64, grade_words=words)
    other = Trained.of(build_model(objective, GradeScale(("no", "maybe", "yes"))))
    with pytest.raises(ConfigError) as refused:
        mixed([one, stranger, other], [0.5, 0.5, 0.5])
    for part in (
        "model 2: was trained on another backbone",
        "model 3: expected the grades ('irrelevant', 'weak', 'strong')",
        "model 3: objective",
        "model 3: max_length: expected 256 as in model 1, received 64",
        "weights: expected finite numbers that sum to 1, received [0.5, 0.5, 0.5]",
    ):
        assert part in str(refused.value)
    with pytest.raises(ConfigError, match="expected 1, one for each model, received 2"):
        mixed([one], [0.5, 0.5])
    with pytest.raises(ConfigError, match="at least one model"):
        mixed([], [])
    with pytest.raises(CheckpointError, match="other weights"):
        model_of(Trained(stranger.config, one.grades, one.fingerprint, one.factors, one.others))


def test_a_rank_that_is_too_large_is_refused(tiny_llm):
    with pytest.raises(ShapeError, match="expected a rank of at most 2, received 3"):
        put(trained(tiny_llm, 1, rank=2), Trained.of(trained(tiny_llm, 2)))
