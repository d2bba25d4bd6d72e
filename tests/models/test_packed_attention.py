"""A text in a packed row is read as it is alone, by every decoder that packs; the others are left alone."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from darl.grades import GradeScale
from darl.models import neural, packing, windows
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.packed_attention import NAME, packed_attention, run_packed, use_packing
from darl.models.packing import Block, SharedPrefix, pack, row_plan, shared_prefix
from tests.tiny import CAUSAL, OTHERS, TWICE, WINDOWED, make_causal, save_causal, toy_pairs

SCALE = GradeScale()
GRADED = toy_pairs(14, queries=4)
PAIRS = [one.pair for one in (*GRADED, *GRADED[3:5])]  # two of them twice
GRADES = torch.tensor([one.grade for one in GRADED])
ROWS = 100  # tokens of a row, where several are wanted


@pytest.fixture(scope="module", params=[*CAUSAL, *WINDOWED])
def folder(request, tmp_path_factory):
    # Larger weights: in a fresh tiny model hardly any token matters to another.
    return save_causal(tmp_path_factory.mktemp(request.param), request.param, strength=5)


def packed_model(folder, **config):
    model = build_model(ModelConfig(backbone=str(folder), **config), SCALE)
    assert model.packs
    return model


def ids_of(model, pairs=PAIRS):
    return [text["input_ids"] for text in model.prompt.encode(pairs)]


@torch.inference_mode()
def one_by_one(body, texts):
    return torch.stack(
        [body(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1] for ids in texts]
    )


@torch.inference_mode()
def row_by_row(body, texts, tokens=ROWS):
    prefix, out = shared_prefix(texts), [torch.empty(0)] * len(texts)
    plan = row_plan(texts, tokens)
    assert len(plan) > 1
    for rows in plan:
        row = pack([texts[i] for i in rows], prefix=prefix)
        for i, hidden in zip(rows, run_packed(body, row)[row.last], strict=True):
            out[i] = hidden
    return torch.stack(out)


@torch.inference_mode()
def expected_of(folder, model):
    """Last hidden states and grade probabilities by the plain LM, text by text."""
    lm = AutoModelForCausalLM.from_pretrained(folder).eval()
    hidden = one_by_one(lm.get_decoder(), ids_of(model))
    words = model.prompt.grade_word_ids(SCALE.names)
    logits = torch.nn.functional.linear(hidden, lm.get_output_embeddings().weight[words])
    cap = getattr(lm.config, "final_logit_softcapping", None)
    return hidden.numpy(), (logits if cap is None else cap * torch.tanh(logits / cap)).softmax(-1).numpy()


def test_every_text_is_read_as_it_is_alone(folder, monkeypatch):
    model = packed_model(folder)
    hidden, probs = expected_of(folder, model)
    assert np.abs(probs - probs[0]).max() > 1e-3
    for tokens, window in ((2048, 16_384), (ROWS, 16_384), (ROWS, 5), (1, 3)):
        monkeypatch.setattr(neural, "PREDICT_TOKENS", tokens)
        monkeypatch.setattr(windows, "WINDOW", window)
        received = model.predict(PAIRS)
        np.testing.assert_allclose(received.grade_probs, probs, atol=1e-5)
        np.testing.assert_allclose(received.features, hidden, atol=1e-5)


def test_a_leak_would_be_seen(folder, monkeypatch):
    model = packed_model(folder)
    right, mask = model.predict(PAIRS).grade_probs, Block.mask
    monkeypatch.setattr(Block, "mask", lambda block, _: torch.ones_like(mask(block, None)))
    assert np.abs(model.predict(PAIRS).grade_probs - right).max() > 1e-3


@pytest.mark.parametrize("architecture", WINDOWED)
def test_a_missing_window_would_be_seen(tmp_path, monkeypatch, architecture):
    model = packed_model(save_causal(tmp_path, architecture, strength=5))
    right, mask = model.predict(PAIRS).grade_probs, Block.mask
    monkeypatch.setattr(Block, "mask", lambda block, _: mask(block, None))
    assert np.abs(model.predict(PAIRS).grade_probs - right).max() > 1e-3


def test_neighbours_change_nothing(folder, monkeypatch):
    model = packed_model(folder)
    whole = model.predict(PAIRS)
    monkeypatch.setattr(neural, "PREDICT_TOKENS", ROWS)
    order = np.random.default_rng(0).permutation(len(PAIRS))
    for rows in (order, order[:5], order[:1]):
        part = model.predict([PAIRS[i] for i in rows])
        np.testing.assert_allclose(part.grade_probs, whole.grade_probs[rows], atol=1e-5)
        np.testing.assert_allclose(part.features, whole.features[rows], atol=1e-5)


def test_every_token_has_its_state(folder):
    """Not only the last tokens, and with no beginning in common."""
    body = packed_model(folder).scorer.body.get_base_model()
    plain = AutoModelForCausalLM.from_pretrained(folder).get_decoder().eval()
    texts = [[5, 6, 7], [5, 6], [5] * 20, [5, 6, 7], [8], [5, 6, 8, 9]]
    row = pack(texts)
    beginnings = [
        texts[text][: place + 1]
        for text, place in zip(row.texts.tolist(), row.positions.tolist(), strict=True)
    ]
    with torch.inference_mode():
        received = run_packed(body, row)
    torch.testing.assert_close(received, one_by_one(plain, beginnings), atol=1e-5, rtol=1e-5)


def loss_and_gradients(model, texts):
    for weight in model.trainable().values():
        weight.grad = None
    logits, _ = model.scorer(model.collate(texts))
    loss = model.objective.loss(logits, GRADES, torch.zeros(len(GRADES), dtype=torch.long))
    loss.backward()
    return loss.detach(), {name: weight.grad.clone() for name, weight in model.trainable().items()}


def unpack(model, folder):
    """Let the same weights read padded batches."""
    plain = AutoModelForCausalLM.from_pretrained(folder).config._attn_implementation
    model.packs, model.scorer.body.get_base_model().config._attn_implementation = False, plain


@pytest.mark.parametrize("cost", [0, 10**9], ids=["no padding", "one block"])
def test_gradients_are_those_of_padded_batches(folder, monkeypatch, cost):
    monkeypatch.setattr(packing, "BLOCK_COST", cost)
    model = packed_model(folder)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    texts = model.prompt.encode([one.pair for one in GRADED])
    blocks = model.collate(texts).blocks
    assert (len(blocks) == 1) == bool(cost)
    loss, gradients = loss_and_gradients(model, texts)
    unpack(model, folder)
    expected_loss, expected = loss_and_gradients(model, texts)
    torch.testing.assert_close(loss, expected_loss, atol=1e-5, rtol=1e-5)
    for name, gradient in gradients.items():
        assert gradient.abs().max() > 1e-6, name
        scale = float(expected[name].abs().max())
        torch.testing.assert_close(gradient, expected[name], atol=1e-5 * max(scale, 1), rtol=1e-4, msg=name)


def test_bfloat16(folder):
    full, half = packed_model(folder).predict(PAIRS), packed_model(folder, dtype="bfloat16").predict(PAIRS)
    np.testing.assert_allclose(half.grade_probs, full.grade_probs, atol=0.05)


@pytest.mark.parametrize("architecture", OTHERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_what_a_packed_row_cannot_show_is_not_packed(architecture, dtype):
    body = make_causal(architecture, strength=5).get_decoder().to(dtype)
    before = body.config._attn_implementation
    body.train()
    assert not use_packing(body, 256)
    assert body.config._attn_implementation == before
    assert body.training


@pytest.mark.parametrize("architecture", sorted(OTHERS.keys() - {"mamba"}))  # peft does not adapt Mamba
def test_what_is_not_packed_is_padded(tmp_path, monkeypatch, architecture):
    monkeypatch.setattr(neural, "PREDICT_TOKENS", 4 * ROWS)
    model = build_model(ModelConfig(backbone=str(save_causal(tmp_path, architecture, strength=5))), SCALE)
    assert not model.packs
    hidden, probs = expected_of(tmp_path, model)
    received = model.predict(PAIRS)
    np.testing.assert_allclose(received.grade_probs, probs, atol=1e-5)
    np.testing.assert_allclose(received.features, hidden, atol=1e-4)


class OwnCode(LlamaAttention):
    """Attention that asks no registry: it takes a row of texts for one text."""

    def __init__(self, layer):
        super().__init__(layer.config, layer.layer_idx)
        self.config = copy.copy(layer.config)
        self.load_state_dict(layer.state_dict())

    def forward(self, *args, **kwargs):
        self.config._attn_implementation = "eager"
        hidden = kwargs["hidden_states"]
        n = hidden.shape[1]
        kwargs["attention_mask"] = torch.full((n, n), -1e9, dtype=hidden.dtype).triu(1)[None, None]
        return super().forward(*args, **kwargs)


def leaking(large):
    """A decoder that reads a row of texts as one text; one feature is `large` and the same at every token."""
    body = make_causal("llama", strength=5).get_decoder().eval()
    with torch.no_grad():
        body.embed_tokens.weight.mul_(50)
        if large:
            body.embed_tokens.weight[:, 3] = large
        for layer in body.layers:
            layer.self_attn = OwnCode(layer.self_attn)
            for norm in (layer.input_layernorm, layer.post_attention_layernorm):
                norm.weight.fill_(max(large / 6, 1))[3] = 0
    return body


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("large", [0, 30], ids=["even", "one large feature"])
def test_a_leak_is_not_packed(dtype, large):
    """Trained models do have a few features that dwarf the others and say little."""
    body = leaking(large).to(dtype)
    assert not use_packing(body, 256)
    assert body.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("architecture", ["llama", "gemma2-8"])
def test_what_packs_does_so_in_its_own_type(architecture):
    body = make_causal(architecture, strength=5).get_decoder().to(torch.bfloat16)
    assert use_packing(body, 256)
    assert body.config._attn_implementation == NAME


def looped():
    body = make_causal("llama", strength=5).get_decoder()
    body.layers[1] = body.layers[0]
    return body


def twice():
    return make_causal(*TWICE, strength=5).get_decoder()


@pytest.mark.parametrize("make", [looped, twice], ids=["layers run twice", "layers attend twice"])
def test_rows_share_a_prefix_only_where_that_is_exact(make):
    """Either such a decoder is not packed, or every row is exact."""
    body, texts = make().eval(), [[9] * 30 + [i, *range(i % 5)] for i in range(40)]
    expected = one_by_one(body, texts)
    if use_packing(body, 256):
        torch.testing.assert_close(row_by_row(body, texts), expected, atol=1e-5, rtol=1e-4)


def test_a_prefix_holds_no_more_than_its_own_states():
    body = make_causal("llama").get_decoder()
    assert use_packing(body, 256)
    prefix = SharedPrefix(2)
    run_packed(body, pack([[7, 7, i] for i in range(50)], prefix=prefix))
    for states in prefix.states.values():
        for part in states:
            assert part.untyped_storage().nbytes() == 2 * part[0].numel() * part.element_size()


def test_a_window_longer_than_any_text_is_no_reason_to_try_one():
    body = make_causal("mistral-12").get_decoder()
    body.config.sliding_window = 10**9  # a text as long would not fit
    assert use_packing(body, 256)


def test_encoders_never_pack(tiny_encoder, tiny_llm):
    assert not build_model(ModelConfig(backbone=str(tiny_encoder)), SCALE).packs
    assert build_model(ModelConfig(backbone=str(tiny_llm)), SCALE).packs


@pytest.mark.parametrize("more", [{}, {"s_aux": torch.zeros(1)}], ids=["no packing", "sinks"])
def test_what_packed_attention_does_not_do(more):
    states, row = torch.zeros(1, 1, 3, 4), pack([[1, 2, 3]])
    kwargs = {**more, "packing": row} if more else {}
    with pytest.raises(NotImplementedError, match="packed row"):
        packed_attention(SimpleNamespace(), states, states, states, None, **kwargs)
