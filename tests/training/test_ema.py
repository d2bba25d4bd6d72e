"""A running mean of the weights."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from darl.training.config import TrainingConfig
from darl.training.ema import RunningMean
from tests.training.test_loop import TRAIN, VALID, Stop, StopAfter, assert_same, fresh, train, weights


def test_the_mean_by_a_loop_over_numbers():
    weight = nn.Parameter(torch.tensor([1.0, -2.0]))
    mean = RunningMean({"w": weight}, 0.5)
    expected = [1.0, -2.0]
    for step in range(1, 30):
        with torch.no_grad():
            weight.add_(torch.tensor([0.5, step * 0.1]))
        mean.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = [decay * e + (1 - decay) * w for e, w in zip(expected, weight.tolist(), strict=True)]
        assert mean.mean["w"].tolist() == pytest.approx(expected, rel=1e-5)
    own = weight.tolist()
    with mean.in_place():
        assert weight.tolist() == pytest.approx(expected, rel=1e-5)
    assert weight.tolist() == own
    mean.settle()
    assert weight.tolist() == pytest.approx(expected, rel=1e-5)


def test_without_a_decay_there_is_none():
    weight = nn.Parameter(torch.tensor([1.0]))
    mean = RunningMean({"w": weight}, None)
    mean.update(1)
    with mean.in_place():
        assert weight.tolist() == [1.0]
    assert mean.mean == {}


def how(**more):
    return TrainingConfig(**{"epochs": 3, "batch_size": 8, "lr": 1e-2, "ema": 0.8} | more)


@pytest.mark.parametrize("keep_best", [True, False])
def test_a_training_ends_with_the_mean_that_was_validated(tiny_llm, tmp_path, keep_best):
    model = train(fresh(tiny_llm), tmp_path, how(keep_best=keep_best))
    plain = train(fresh(tiny_llm), tmp_path / "plain", how(ema=None, keep_best=keep_best))
    assert any(not torch.equal(one, weights(plain)[name]) for name, one in weights(model).items())
    losses = [
        json.loads(line)["valid_loss"]
        for line in (tmp_path / "log.jsonl").read_text().splitlines()
        if "valid_loss" in line
    ]
    probs = torch.from_numpy(model.predict([one.pair for one in VALID]).grade_probs)
    loss = -probs[range(len(VALID)), [one.grade for one in VALID]].log().mean()
    assert float(loss) == pytest.approx(min(losses) if keep_best else losses[-1], rel=1e-4)


def test_the_steps_are_those_without_it(tiny_llm, tmp_path):
    """The mean is looked at, not trained on."""
    train(fresh(tiny_llm), tmp_path / "mean", how())
    train(fresh(tiny_llm), tmp_path / "plain", how(ema=None))
    steps = [
        [line for line in (tmp_path / part / "log.jsonl").read_text().splitlines() if "grad_norm" in line]
        for part in ("mean", "plain")
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == 3 * len(TRAIN) // 8


@pytest.mark.parametrize("pairs", [20, 70, 110])
def test_an_interrupted_training_ends_in_the_same_weights(tiny_llm, tmp_path, pairs):
    whole = weights(train(fresh(tiny_llm), tmp_path / "whole", how()))
    with pytest.raises(Stop):
        train(fresh(tiny_llm), tmp_path / "cut", how(), checkpoint_seconds=0.0, progress=StopAfter(pairs))
    assert_same(whole, weights(train(fresh(tiny_llm), tmp_path / "cut", how())))
