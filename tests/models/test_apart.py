"""Texts that are read apart: each once, and what was read before is not read again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.grades import GradeScale
from darl.models import neural, windows
from darl.models.apart import Sides
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_exported, save_model
from darl.models.config import ModelConfig
from darl.models.export import fold
from darl.pairs import Pair
from tests.tiny import toy_pairs

PAIRS = [one.pair for one in toy_pairs(30, queries=4)]


def made(backbone):
    model = build_model(ModelConfig(backbone=str(backbone)), GradeScale())
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def model(tiny_encoder):
    return made(tiny_encoder)


class Dictionary:
    """Readings, as the server keeps them."""

    def __init__(self):
        self.kept = {}

    def find(self, texts):
        found = {place: self.kept.get(tuple(ids)) for place, ids in enumerate(texts)}
        return {place: one for place, one in found.items() if one is not None}

    def keep(self, texts, readings):
        assert not {tuple(ids) for ids in texts} & self.kept.keys()
        self.kept.update(zip(map(tuple, texts), readings.copy(), strict=True))


def tokens_read(model):
    """Tokens of every forward pass from now on."""
    read = []
    handle = model.scorer.body.register_forward_hook(
        lambda _, inputs, more, __: read.append(more["input_ids"].numel()), with_kwargs=True
    )
    return read, handle


@pytest.mark.parametrize("in_rows", [True, False])
@pytest.mark.parametrize(("tokens", "window"), [(2048, 16_384), (40, 16_384), (1, 7)])
def test_scores_are_those_of_each_pair_alone(tiny_encoder, monkeypatch, in_rows, tokens, window):
    model = made(tiny_encoder)
    assert model.scorer.pooling.in_rows
    expected = np.concatenate([model.predict([pair]).features for pair in PAIRS])
    model.scorer.pooling.in_rows = in_rows
    monkeypatch.setattr(neural, "PREDICT_TOKENS", tokens)
    monkeypatch.setattr(windows, "WINDOW", window)
    np.testing.assert_allclose(model.predict(PAIRS).features, expected, atol=1e-5)


def test_a_pass_reads_every_distinct_text_once_and_no_padding(model):
    read, handle = tokens_read(model)
    model.predict(PAIRS)
    handle.remove()
    texts = {text for pair in PAIRS for text in (pair.query, model.prompt.template.body_of(pair))}
    assert sum(read) == sum(len(one["input_ids"]) for one in model.prompt.encode_alone(sorted(texts)))


def test_what_was_read_before_is_not_read_again(model):
    known, texts = Dictionary(), model.prompt.encode(PAIRS)
    expected = model.predict(PAIRS)
    model.predict_texts(texts[:12], known=known)
    read, handle = tokens_read(model)
    some = model.predict_texts(texts, known=known)
    seen = {tuple(ids) for ids in Sides.of(texts[:12]).texts}
    assert sum(read) == sum(len(ids) for ids in Sides.of(texts).texts if tuple(ids) not in seen)
    read.clear()
    again = model.predict_texts(texts, known=known)
    handle.remove()
    assert not read
    for one in (some, again):
        np.testing.assert_allclose(one.grade_probs, expected.grade_probs, atol=1e-5)
        np.testing.assert_allclose(one.features, expected.features, atol=1e-5)


def test_an_exported_model_reads_rows_too(tiny_encoder, tmp_path):
    save_model(made(tiny_encoder), tmp_path / "model")
    expected = load_model(tmp_path / "model").predict(PAIRS)
    for form, tolerance in (("float32", 1e-5), ("int8", 0.1)):
        exported = fold(load_model(tmp_path / "model"), form, PAIRS)
        save_exported(exported, tmp_path / form, form, {}, tmp_path / "model")
        again = load_model(tmp_path / form)
        assert again.scorer.pooling.in_rows
        assert not again.packs
        np.testing.assert_allclose(again.predict(PAIRS).scores, expected.scores, atol=tolerance)


IDS = st.lists(st.integers(1, 3), min_size=1, max_size=5)


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=12), st.integers(1, 20), st.booleans())
def test_sides_hold_the_texts_of_every_pair_and_plans_keep_to_the_budget(pairs, tokens, padded):
    texts = [
        {"input_ids": query + item, "segments": [1] * len(query) + [2] * len(item)} for query, item in pairs
    ]
    sides = Sides.of(texts)
    assert [(sides.texts[q], sides.texts[i]) for q, i in sides.places.T] == [tuple(pair) for pair in pairs]
    assert len(set(map(tuple, sides.texts))) == len(sides.texts)
    seen = set()
    for pair, cost in zip(pairs, sides.costs(), strict=True):
        new = {tuple(text) for text in pair} - seen
        assert cost == sum(map(len, new))
        seen |= new
    batches = sides.plan(range(len(sides.texts)), tokens, padded)
    assert sorted(text for batch in batches for text in batch) == list(range(len(sides.texts)))
    for batch in batches:
        lengths = [len(sides.texts[text]) for text in batch]
        taken = max(lengths) * len(lengths) if padded else sum(lengths)
        assert len(batch) == 1 or taken <= tokens


def test_a_query_that_is_also_an_item_is_one_text(model):
    texts = model.prompt.encode([Pair("q", "wool", "i", "wool")])
    assert len(Sides.of(texts).texts) == 1
