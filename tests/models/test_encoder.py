"""Match pooling against a naive loop, and what it does not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import ModelConfig
from darl.pairs import Pair
from tests.tiny import toy_pairs

PAIRS = [one.pair for one in toy_pairs(9)]


def made(backbone, **config):
    return build_model(ModelConfig(backbone=str(backbone), **config), GradeScale())


def test_features_are_those_of_a_naive_loop(tiny_encoder):
    model = made(tiny_encoder, prompt="{query} {item}", reading="joint")
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


def test_texts_that_are_read_apart_are_compared_as_a_sentence_encoder_compares_them(tiny_encoder):
    received = made(tiny_encoder, prompt="{query} {item}").predict(PAIRS).features
    body, tokenizer = (
        AutoModel.from_pretrained(tiny_encoder).eval(),
        AutoTokenizer.from_pretrained(tiny_encoder),
    )
    for pair, features in zip(PAIRS, received, strict=True):
        both = []
        for text in (pair.query, pair.item):
            with torch.no_grad():
                hidden = body(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
            mean = hidden.mean(axis=0)
            both.append(mean / np.linalg.norm(mean) * np.sqrt(len(mean)))
        u, v = both
        np.testing.assert_allclose(features, np.concatenate([u, v, abs(u - v), u * v]), atol=1e-4)


def test_a_text_of_several_pairs_is_read_once(tiny_encoder):
    model = made(tiny_encoder)
    read = []
    model.scorer.body.register_forward_hook(
        lambda _, inputs, more, __: read.append(more["input_ids"].numel()), with_kwargs=True
    )
    pairs = [Pair("q", "the same query", f"i{k}", f"item number {k % 3}") for k in range(6)]
    features = model.predict(pairs).features
    texts = ["the same query", *(f"item number {k}" for k in range(3))]
    assert read == [sum(len(one["input_ids"]) for one in model.prompt.encode_alone(texts))]
    np.testing.assert_array_equal(features[:3], features[3:])


def gradients(model, batch):
    """Of the adapter, for a loss of which every feature is a part."""
    model.scorer.train()
    _, features = model.scorer(batch)
    features.square().mul(torch.linspace(0.5, 1.5, features.shape[1])).mean().backward()
    found = {name: weight.grad for name, weight in model.scorer.named_parameters() if weight.grad is not None}
    model.scorer.zero_grad()
    return found


def test_training_reads_every_text_once_and_without_padding_to_the_same_gradients(tiny_encoder):
    torch.manual_seed(0)
    model = made(tiny_encoder)
    for name, weight in model.scorer.named_parameters():
        if "lora_B" in name:  # 0 to start with: then nothing below would have a gradient
            torch.nn.init.normal_(weight, std=0.1)
    texts = model.prompt.encode(PAIRS)
    texts[2] = {
        key: [*values][: texts[2]["segments"].count(1)] for key, values in texts[2].items()
    }  # no item
    batch = model.collate(texts)
    read = []
    model.scorer.body.register_forward_hook(
        lambda _, inputs, more, __: read.append(more["input_ids"].numel()), with_kwargs=True
    )
    received = gradients(model, batch)
    parts = [
        tuple(token for token, of in zip(one["input_ids"], one["segments"], strict=True) if of == part)
        for one in texts
        for part in (1, 2)
    ]
    assert read == [sum(map(len, set(parts)))]
    model.scorer.pooling.in_rows = False
    expected = gradients(model, batch)
    assert received.keys() == expected.keys()
    assert any("lora_A" in name for name in expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(received[name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("reading", ["apart", "joint"])
def test_long_texts_are_cut(tiny_encoder, reading):
    model = made(tiny_encoder, reading=reading, max_length=16)
    pair = Pair("q", "many words " * 20, "i", "even more words " * 20)
    (text,) = model.prompt.encode([pair])
    segments = np.array(text["segments"])
    if reading == "joint":
        assert len(segments) == 16
    else:
        assert [(segments == part).sum() for part in (1, 2)] == [16, 16]
    assert model.prompt.encode([]) == []


@pytest.mark.parametrize("reading", ["apart", "joint"])
def test_a_model_knows_how_it_reads(tiny_encoder, tmp_path, reading):
    model = made(tiny_encoder, reading=reading)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.config.reading == reading
    np.testing.assert_array_equal(again.predict(PAIRS).features, model.predict(PAIRS).features)


@pytest.mark.parametrize("reading", ["apart", "joint"])
def test_the_batch_changes_nothing(tiny_encoder, reading):
    model = made(tiny_encoder, reading=reading)
    together = model.predict(PAIRS).features
    alone = np.concatenate([model.predict([pair]).features for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("reading", ["apart", "joint"])
def test_a_text_without_tokens_has_finite_features(tiny_encoder, reading):
    model = made(tiny_encoder, reading=reading)
    assert np.isfinite(model.predict([Pair("q", "", "i", "")]).features).all()
