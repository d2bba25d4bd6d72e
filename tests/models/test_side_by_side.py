"""A text in a row is read as it is alone, by every encoder that reads rows; the others are left alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    ElectraConfig,
    ElectraModel,
    MPNetConfig,
    MPNetModel,
    RobertaConfig,
    RobertaModel,
)

from darl.models.side_by_side import NAME, Row, run_row, use_rows
from tests.tiny import SHAPE

SIZES = {key: value for key, value in SHAPE.items() if key != "num_key_value_heads"}
GENERATOR = np.random.default_rng(0)
TEXTS = [GENERATOR.integers(5, 90, size).tolist() for size in (3, 17, 3, 40, 1, 9, 41)]


def made(config, kind):
    torch.manual_seed(0)
    body = kind(config(**SIZES, pad_token_id=0)).eval()
    for weight in body.parameters():
        weight.data.mul_(4)  # in a fresh tiny model hardly any token matters to another
    return body


@torch.inference_mode()
def alone(body, text):
    return body(input_ids=torch.tensor([text])).last_hidden_state[0]


@pytest.mark.parametrize(("config", "kind"), [(BertConfig, BertModel), (ElectraConfig, ElectraModel)])
def test_every_text_is_read_as_it_is_alone(config, kind):
    body = made(config, kind)
    expected = [alone(body, text) for text in TEXTS]
    assert use_rows(body)
    row = Row.of(TEXTS)
    assert len(row.tokens) == sum(map(len, TEXTS))
    with torch.inference_mode():
        states = run_row(body, row)
        means = row.means(states)
    ends = torch.cumsum(row.lengths, 0).tolist()
    for text, place in enumerate(row.back.tolist()):
        own = states[ends[place] - len(TEXTS[text]) : ends[place]]
        torch.testing.assert_close(own, expected[text], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(means[text], expected[text].mean(dim=0), atol=1e-5, rtol=1e-5)


def test_padded_texts_are_read_as_before():
    body = made(BertConfig, BertModel)
    ids = torch.tensor([[*TEXTS[0], *[0] * 14], TEXTS[1]])
    mask = torch.tensor([[1] * 3 + [0] * 14, [1] * 17])
    with torch.inference_mode():
        before = body(input_ids=ids, attention_mask=mask).last_hidden_state
        assert use_rows(body)
        after = body(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(after, before)


@pytest.mark.parametrize(("config", "kind"), [(MPNetConfig, MPNetModel), (RobertaConfig, RobertaModel)])
def test_an_encoder_that_knows_places_otherwise_is_left_alone(config, kind):
    body = made(config, kind)
    before, expected = body.config._attn_implementation, alone(body, TEXTS[1])
    assert not use_rows(body)
    assert body.config._attn_implementation == before != NAME
    torch.testing.assert_close(alone(body, TEXTS[1]), expected)


def test_which_text_each_token_is_of():
    texts = [[5], [1, 2, 3], [1, 2], [4, 4, 4]]
    row = Row.of(texts)
    read = [[] for _ in texts]
    for text, position, token in zip(
        row.texts.tolist(), row.positions.tolist(), row.tokens.tolist(), strict=True
    ):
        assert position == len(read[text])
        read[text].append(token)
    assert read == texts
