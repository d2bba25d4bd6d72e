"""Objectives in training: what each needs of head, batches and validation, on both kinds of backbone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import ModelConfig
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from darl.objectives.weighted import Weighted
from darl.training.batches import Examples
from darl.training.config import TrainingConfig
from darl.training.encoded import Encoded
from darl.training.loop import train_stage
from tests.tiny import toy_pairs

TRAIN = tuple(toy_pairs(48, queries=8))
VALID = toy_pairs(12, queries=4, prefix="v")
TERMS = ["soft_grades", {"name": "in_query_contrast", "weight": 0.2}]


def train(backbone, objective, folder, examples=TRAIN, **settings):
    model = build_model(ModelConfig(backbone=str(backbone), objective=objective), GradeScale(), seed=1)
    config = TrainingConfig(**{"epochs": 12, "batch_size": 8, "lr": 1e-2} | settings)
    return train_stage(model, Examples(examples), VALID, config, seed=7, folder=folder)


@pytest.mark.parametrize(
    "objective", ["coral", "corn", [*TERMS, {"name": "confidence_penalty", "weight": 0.1}]]
)
def test_it_learns_and_comes_back(backbone, tmp_path, objective):
    model = train(backbone, objective, tmp_path, items_per_query=4)
    pairs = [one.pair for one in VALID]
    predictions = model.predict(pairs)
    assert (predictions.grades == [one.grade for one in VALID]).mean() > 0.9
    save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(pairs).logits, predictions.logits)


def test_corals_thresholds_are_in_order_after_training(backbone, tmp_path):
    model = train(backbone, "coral", tmp_path)
    assert model.scorer.head.weight.shape[0] == 1
    assert (model.scorer.head.bias.diff() < 0).all()
    assert (np.diff(model.predict([one.pair for one in VALID]).logits, axis=1) < 0).all()


@pytest.fixture
def encoded(tiny_encoder):
    """Pairs of four queries, which do not stand together, and made-up logits."""
    model = build_model(ModelConfig(backbone=str(tiny_encoder)), GradeScale())
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Encoded.of(model, VALID), logits


def test_the_validation_loss_of_what_compares_items_is_of_whole_queries(encoded):
    data, logits = encoded
    expected = 0.0
    for query in range(4):
        rows = [row for row, one in enumerate(VALID) if one.pair.query_id == f"v{query}"]
        grades = torch.tensor([VALID[row].grade for row in rows])
        loss = InQueryContrast().loss(logits[rows], grades, torch.zeros(len(rows), dtype=torch.long))
        assert loss > 0
        expected += len(rows) * loss.item() / 12
    assert data.loss(InQueryContrast(), logits) == pytest.approx(expected)
    both = Weighted([SoftGrades(), InQueryContrast()], [1, 0.3])
    assert data.loss(both, logits) == pytest.approx(data.loss(SoftGrades(), logits) + 0.3 * expected)


def test_the_validation_loss_of_others_is_the_mean_over_pairs(encoded):
    data, logits = encoded
    gold = torch.tensor([one.grade for one in VALID])
    expected = -logits.softmax(dim=1)[torch.arange(12), gold].log().mean().item()
    assert data.loss(Softmax(), logits) == pytest.approx(expected)


def test_the_logged_validation_loss_is_that_of_the_models_predictions(backbone, tmp_path):
    model = train(backbone, TERMS, tmp_path, epochs=2, items_per_query=4, keep_best=False)
    logits = torch.tensor(model.predict([one.pair for one in VALID]).logits, dtype=torch.float64)
    lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    logged = [line["valid_loss"] for line in lines if "valid_loss" in line]
    assert logged[-1] == pytest.approx(Encoded.of(model, VALID).loss(model.objective, logits), rel=1e-4)


def test_micro_batches_keep_the_items_that_are_compared(tiny_llm, tmp_path):
    """Each query has two items, of two grades: with none cut apart, a step of threes is the whole step."""
    pairs = tuple(toy_pairs(16, queries=8))
    ends = []
    for size in (None, 3):
        settings = {"epochs": 1, "batch_size": 8, "items_per_query": 2, "micro_batch_size": size, "lr": 1e-3}
        model = train(tiny_llm, "in_query_contrast", tmp_path / str(size), pairs, **settings)
        lines = map(json.loads, (tmp_path / str(size) / "log.jsonl").read_text().splitlines())
        ends.append((model.trainable(), [line["loss"] for line in lines if "loss" in line]))
    assert min(ends[0][1]) > 0
    assert ends[1][1] == pytest.approx(ends[0][1], rel=1e-4)
    for name, weight in ends[0][0].items():
        torch.testing.assert_close(ends[1][0][name], weight, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize(
    ("objective", "settings", "fault"),
    [
        (
            TERMS,
            {"items_per_query": 1},
            "items_per_query: expected at least 2, as the objective compares items of one query, received 1",
        ),
        ("in_query_contrast", {"items_per_query": 4, "batch_size": 1}, "batch_size: expected at least 2"),
        (TERMS, {"items_per_query": 4, "micro_batch_size": 1}, "micro_batch_size: expected at least 2"),
        ("confidence_penalty", {}, "objective: sees no grades: make it a term beside one that does"),
    ],
)
def test_what_no_objective_can_learn_from(tiny_encoder, tmp_path, objective, settings, fault):
    with pytest.raises(ConfigError) as caught:
        train(tiny_encoder, objective, tmp_path, **settings)
    assert any(one.startswith(fault) for one in caught.value.faults)
