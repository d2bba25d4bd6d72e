"""Match pooling against a naive loop, and what it does not depend on."""

from __future__ import annotations

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.pairs import Pair
from tests.tiny import toy_pairs

PAIRS = [one.pair for one in toy_pairs(9)]


def test_features_are_those_of_a_naive_loop(tiny_encoder):
    model = build_model(ModelConfig(backbone=str(tiny_encoder), prompt="{query} {item}"), GradeScale())
    received = model.predict(PAIRS).features
    body, tokenizer = (
        AutoModel.from_pretrained(tiny_encoder).eval(),
        AutoTokenizer.from_pretrained(tiny_encoder),
    )
    for pair, features in zip(PAIRS, received, strict=True):
        batch = tokenizer(pair.query, pair.item, return_tensors="pt")
        with torch.no_grad():
            hidden = body(**batch).last_hidden_state[0].numpy()
        parts = {0: [], 1: []}
        for vector, part in zip(hidden, batch.sequence_ids(0), strict=True):
            if part is not None:
                parts[part].append(vector)
        u, v = (np.mean(parts[part], axis=0) for part in (0, 1))
        u, v = (w / np.linalg.norm(w) * np.sqrt(len(w)) for w in (u, v))
        np.testing.assert_allclose(features, np.concatenate([u, v, abs(u - v), u * v]), atol=1e-4)


def test_the_batch_changes_nothing(tiny_encoder):
    model = build_model(ModelConfig(backbone=str(tiny_encoder)), GradeScale())
    together = model.predict(PAIRS).features
    alone = np.concatenate([model.predict([pair]).features for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_text_without_tokens_has_finite_features(tiny_encoder):
    model = build_model(ModelConfig(backbone=str(tiny_encoder)), GradeScale())
    assert np.isfinite(model.predict([Pair("q", "", "i", "")]).features).all()
