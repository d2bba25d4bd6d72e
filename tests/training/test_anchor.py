"""What holds a stage near the model that it began with."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from darl.progress import SILENT
from darl.training.anchor import SayingAnchor, WeightAnchor
from darl.training.config import TrainingConfig
from tests.models.test_interpolate import deltas, trained
from tests.training.test_loop import TRAIN, Stop, StopAfter, assert_same, fresh, train, weights


def config(**anchor):
    return TrainingConfig(epochs=2, batch_size=8, lr=1e-2, keep_best=False, anchor=anchor or None)


def nudged(model, seed=5):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))


def test_the_penalty_is_of_the_change_that_the_factors_make(tiny_llm):
    """By the definition, with whole matrices."""
    model = trained(tiny_llm, 1)
    before, head = deltas(model), model.scorer.head.weight.detach().clone()
    bias = model.scorer.head.bias.detach().clone()
    anchor = WeightAnchor(model.trainable(), 5.0 / 3, strength=0.7)
    assert float(anchor.penalty()) == pytest.approx(0, abs=1e-9)
    nudged(model)
    far = sum(float((change - before[name]).square().sum()) for name, change in deltas(model).items())
    far += float((model.scorer.head.weight - head).square().sum())
    far += float((model.scorer.head.bias - bias).square().sum())
    assert float(anchor.penalty()) == pytest.approx(0.35 * far, rel=1e-5)


def test_other_factors_of_the_same_change_cost_nothing(tiny_llm):
    """A rotation of the factors: each weight is another one, and the model is the same."""
    model = trained(tiny_llm, 1)
    anchor = WeightAnchor(model.trainable(), 5.0 / 3, strength=1.0)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        for name, weight in model.trainable().items():
            if "lora_A" in name:
                weight.copy_(turn @ weight)
            if "lora_B" in name:
                weight.copy_(weight @ turn.T)
    assert float(anchor.penalty()) == pytest.approx(0, abs=1e-6)


def test_the_pull_is_the_penaltys_gradient(tiny_llm):
    model = trained(tiny_llm, 1)
    anchor = WeightAnchor(model.trainable(), 5.0 / 3, strength=0.7)
    nudged(model)
    name = next(name for name in model.trainable() if "lora_B" in name)
    weight = model.trainable()[name]
    weight.grad = torch.ones_like(weight)
    anchor.pull()
    step, ends = 1e-3, []
    for sign in (1, -1):
        with torch.no_grad():
            weight[0, 0] += sign * step
            ends.append(float(anchor.penalty()))
            weight[0, 0] -= sign * step
    assert float(weight.grad[0, 0]) - 1 == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3)


def test_what_is_said_is_compared_by_the_definition(tiny_llm):
    model = trained(tiny_llm, 1)
    said = model.predict([one.pair for one in TRAIN]).grade_probs.astype(float)
    how = {"size": 5, "steps": 4, "seed": 3, "strength": 0.5, "progress": SILENT}
    anchor = SayingAnchor(model, TRAIN, **how)
    nudged(model)
    now = model.predict([one.pair for one in TRAIN]).grade_probs.astype(float)
    texts = anchor.pairs.texts
    encoded = model.prompt.encode([one.pair for one in TRAIN])
    for step in range(4):
        ((rows, weight),) = anchor.shares(step, None, 0, 1)
        assert weight == 1
        places = [encoded.index(texts[row]) for row in rows]
        assert len(set(places)) == 5
        with torch.no_grad():
            model.scorer.eval()
            logits, _ = model.scorer(model.collate([texts[row] for row in rows]))
            loss = float(anchor.loss(model.objective, logits, rows))
        naive = [sum(p * np.log(p / q) for p, q in zip(said[row], now[row], strict=True)) for row in places]
        assert loss == pytest.approx(0.5 * np.mean(naive), rel=1e-3)
    assert {row for step in range(4) for row in anchor.shares(step, None, 0, 1)[0][0]} == set(
        range(len(texts))
    )


def distance(model, start):
    return sum(float((change - start[name]).norm()) for name, change in deltas(model).items())


def test_an_anchored_stage_stays_nearer(tiny_llm, tmp_path):
    start = deltas(fresh(tiny_llm))
    free = train(fresh(tiny_llm), tmp_path / "free", config())
    held = train(fresh(tiny_llm), tmp_path / "held", config(l2_sp=10.0))
    assert distance(held, start) < 0.5 * distance(free, start)
    pairs = [one.pair for one in TRAIN]
    before = fresh(tiny_llm).predict(pairs).grade_probs
    said = train(fresh(tiny_llm), tmp_path / "said", config(kl=50.0))
    moved = [np.abs(model.predict(pairs).grade_probs - before).mean() for model in (said, free)]
    assert moved[0] < 0.5 * moved[1]
    lines = [json.loads(line) for line in (tmp_path / "said" / "log.jsonl").read_text().splitlines()]
    assert all(line["kl"] >= -1e-6 for line in lines if "loss" in line)
    lines = [json.loads(line) for line in (tmp_path / "held" / "log.jsonl").read_text().splitlines()]
    pulls = [line["l2_sp"] for line in lines if "loss" in line]
    assert pulls[0] == pytest.approx(0, abs=1e-6)
    assert pulls[-1] > 0


@pytest.mark.parametrize("pairs", [20, 47, 70])
def test_an_interrupted_anchored_training_ends_in_the_same_weights(tiny_llm, tmp_path, pairs):
    """The anchor of the resumed training is the model before it, not that of the checkpoint."""
    how = TrainingConfig(
        epochs=2, batch_size=8, lr=1e-2, anchor={"l2_sp": 0.1, "kl": 1.0, "pairs": 3}, ema=0.9
    )
    whole = weights(train(fresh(tiny_llm), tmp_path / "whole", how))
    with pytest.raises(Stop):
        train(fresh(tiny_llm), tmp_path / "cut", how, checkpoint_seconds=0.0, progress=StopAfter(pairs))
    assert_same(whole, weights(train(fresh(tiny_llm), tmp_path / "cut", how)))
    logs = [(tmp_path / part / "log.jsonl").read_text() for part in ("whole", "cut")]
    assert logs[0] == logs[1]


def test_micro_batches_make_the_same_step(tiny_llm, tmp_path):
    def how(size):
        return TrainingConfig(epochs=1, batch_size=8, lr=1e-3, micro_batch_size=size, anchor={"kl": 5})

    one, two = (weights(train(fresh(tiny_llm), tmp_path / str(size), how(size))) for size in (None, 3))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=2e-5)


def test_an_anchor_holds_something():
    with pytest.raises(ValueError, match="expected l2_sp or kl above 0, received neither"):
        TrainingConfig(anchor={"pairs": 4})
