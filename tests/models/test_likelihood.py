"""A likelihood is what transformers' own LM says of the same tokens, under frozen and under tuned weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models import neural, vocabulary, windows
from darl.models.base import FeatureView
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.export import fold
from darl.models.vocabulary import Vocabulary
from darl.pairs import Pair
from tests.tiny import CAUSAL, OTHERS, WINDOWED, make_causal, save_causal, save_tokenizer, toy_pairs

PAIRS = [one.pair for one in toy_pairs(9)]
TEXTS = ("likelihood.query", "likelihood.item", "likelihood")
QUERY = FeatureView.parse("likelihood.query")
BARE = "{query} / {item}:"  # nothing before the query, and no token that begins a text


def tuned_model(folder, prompt=None):
    """As if trained: an adapter that does something."""
    more = {"prompt": prompt} if prompt else {}
    model = build_model(ModelConfig(backbone=str(folder), dtype="float32", **more), GradeScale())
    with torch.no_grad():
        for name, weight in model.trainable().items():
            if "lora_B" in name:
                weight.normal_(std=0.3, generator=torch.Generator().manual_seed(4))
    return model


def save_sure(folder, architecture, tied):
    """An LM whose next token is far from evenly likely, so that a wrong one would be seen."""
    lm = make_causal(architecture, tied=tied, seed=2, strength=3)
    with torch.no_grad():
        lm.get_output_embeddings().weight.mul_(20)
    lm.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def marked(model, pair, view):
    if view.text == "pair":
        return model.prompt.encode_marked([pair])[0]
    return model.prompt.encode_alone([pair.query if view.text == "query" else pair.item])[0]


def loss(lm, tokens):
    """The LM's own mean loss over the marked tokens, of one text by itself."""
    ids = torch.tensor([tokens["input_ids"]])
    labels = torch.where(torch.tensor([tokens["segments"]]) == 1, ids, -100)
    with torch.inference_mode():
        return lm(input_ids=ids, labels=labels).loss.item()


def lms(folder, model):
    """The frozen LM, and one with the adapter folded into a copy of its weights."""
    frozen, tuned = (AutoModelForCausalLM.from_pretrained(folder).eval() for _ in range(2))
    with model._weights("tuned"), torch.no_grad():
        body = model.scorer.body.get_base_model()
        named = {name.replace(".base_layer", ""): weight for name, weight in body.named_parameters()}
        for name, weight in tuned.get_decoder().named_parameters():
            weight.copy_(named[name])
    return frozen, tuned


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", [*CAUSAL, *WINDOWED, "bloom", "lfm2-above"])
def test_it_is_the_lms_own_loss(tmp_path, architecture, tied):
    model = tuned_model(folder := save_sure(tmp_path, architecture, tied))
    assert model.packs == (architecture not in OTHERS)
    both = lms(folder, model)
    for view in map(FeatureView.parse, TEXTS):
        found = model.features(PAIRS, view)
        expected = [[-loss(lm, marked(model, pair, view)) for lm in both] for pair in PAIRS]
        np.testing.assert_allclose(found, expected, atol=2e-4)
        assert found.shape == (9, 2)
        assert (found < 0).all()
        assert np.abs(found[:, 0] - found[:, 1]).min() > 1e-3
        assert np.ptp(found[:, 0]) > 0.1


def test_what_counts_is_the_texts_own(tiny_llm):
    model = tuned_model(tiny_llm)
    decode = model.tokenizer.decode
    for view in map(FeatureView.parse, TEXTS):
        tokens = marked(model, PAIRS[1], view)
        counted = [i for i, of in zip(tokens["input_ids"], tokens["segments"], strict=True) if of]
        expected = {"query": PAIRS[1].query, "item": PAIRS[1].item}
        text = expected.get(view.text, f"{PAIRS[1].query} {PAIRS[1].item}")
        assert decode(counted).split() == text.split()
    assert marked(model, PAIRS[1], view)["input_ids"] == model.prompt.encode(PAIRS[1:2])[0]["input_ids"]


@pytest.mark.parametrize("view", TEXTS)
def test_the_first_token_of_all_is_not_counted(tiny_llm, view):
    model, view = tuned_model(tiny_llm, BARE), FeatureView.parse(view)
    tokens = marked(model, PAIRS[0], view)
    assert tokens["segments"][0] == 1
    lm = AutoModelForCausalLM.from_pretrained(tiny_llm).eval()
    # transformers leaves it out too.
    np.testing.assert_allclose(model.features(PAIRS[:1], view)[0, 0], -loss(lm, tokens), atol=1e-5)


@pytest.mark.parametrize("query", ["", "a"])
def test_a_text_without_a_token_that_counts(tiny_llm, query):
    model = tuned_model(tiny_llm, BARE)
    pairs = [Pair("q", query, "i", "wool"), PAIRS[0]]
    assert sum(marked(model, pairs[0], QUERY)["segments"]) == len(query)
    found = model.features(pairs, QUERY)
    assert found[0].tolist() == [0, 0]
    np.testing.assert_allclose(found[1:], model.features(PAIRS[:1], QUERY), atol=1e-5)
    if query:
        assert model.features(pairs[:1], QUERY).tolist() == [[0, 0]]


@pytest.mark.parametrize("view", TEXTS)
def test_it_depends_on_its_own_pair_only(tiny_llm, view, monkeypatch):
    model, view = tuned_model(tiny_llm), FeatureView.parse(view)
    whole, order = model.features(PAIRS, view), np.random.default_rng(0).permutation(len(PAIRS))
    np.testing.assert_allclose(model.features([PAIRS[i] for i in order], view), whole[order], atol=1e-5)
    monkeypatch.setattr(neural, "PREDICT_TOKENS", 64)
    monkeypatch.setattr(windows, "WINDOW", 4)
    np.testing.assert_allclose(model.features(PAIRS, view), whole, atol=1e-5)


def test_blocks_change_nothing(tiny_llm, monkeypatch):
    model, view = tuned_model(tiny_llm), FeatureView.parse("likelihood")
    whole = model.features(PAIRS, view)
    monkeypatch.setattr(vocabulary, "STATES", 7)
    monkeypatch.setattr(vocabulary, "ROWS", 33)
    np.testing.assert_allclose(model.features(PAIRS, view), whole, atol=1e-5)


def test_what_texts_share_is_computed_once(tiny_llm, monkeypatch):
    model, asked = tuned_model(tiny_llm), []
    log_probs = Vocabulary.log_probs

    def counted(vocabulary, weight, states, tokens):
        asked.append(len(tokens))
        return log_probs(vocabulary, weight, states, tokens)

    monkeypatch.setattr(Vocabulary, "log_probs", counted)
    pairs = [PAIRS[0]._replace(item=item) for item in ("wool hat", "wool scarf")]
    model.features(pairs, FeatureView.parse("likelihood"))
    texts = {tuple(t["input_ids"][:n]) for t in model.prompt.encode_marked(pairs) for n in places(t)}
    assert asked == [len(texts)] * 2


def places(tokens):
    return [place + 1 for place, of in enumerate(tokens["segments"]) if of]


def test_no_pairs(tiny_llm):
    for view in TEXTS:
        assert tuned_model(tiny_llm).features([], FeatureView.parse(view)).shape == (0, 2)


def test_the_bias_and_the_cap_of_the_logits():
    rng = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(50, 8, generator=rng), torch.randn(50, generator=rng)
    states, tokens = torch.randn(12, 8, generator=rng), torch.arange(12)
    for cap in (None, 1.5):
        made = Vocabulary(None, True, (50, 8), (), weight[:0], bias, cap)
        logits = states.double() @ weight.double().T + bias
        logits = logits if cap is None else cap * torch.tanh(logits / cap)
        expected = logits.log_softmax(-1)[torch.arange(12), tokens]
        found = made.log_probs(weight, states, tokens)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)


def test_tied_weights_are_not_kept_twice(tiny_llm):
    model = build_model(ModelConfig(backbone=str(tiny_llm)), GradeScale())
    body = model.scorer.body
    assert model.vocabulary.tied
    assert model.vocabulary.weight(body).data_ptr() == body.get_input_embeddings().weight.data_ptr()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_untied_weights_are_read_from_any_file_under_any_name(tmp_path, dtype):
    lm = make_causal(tied=False)
    lm.save_pretrained(tmp_path, max_shard_size="40KB")
    save_tokenizer(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    model = build_model(ModelConfig(backbone=str(tmp_path), dtype=dtype), GradeScale())
    for path in tmp_path.glob("*.safetensors"):
        renamed = {name.replace("lm_head", "x.out"): weight for name, weight in load_file(path).items()}
        save_file(renamed, path)
    assert not model.vocabulary.tied
    found = model.vocabulary.weight(model.scorer.body)
    assert torch.equal(found, lm.lm_head.weight.to(getattr(torch, dtype)))


def test_untied_weights_that_are_not_there(tmp_path):
    model = build_model(ModelConfig(backbone=str(save_causal(tmp_path, tied=False))), GradeScale())
    weights = load_file(tmp_path / "model.safetensors")
    weights["lm_head.weight"] = weights["lm_head.weight"] + 1
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="no file holds its output embeddings as one matrix"):
        model.features(PAIRS, QUERY)


@pytest.mark.parametrize("pairs", [PAIRS, []])
def test_an_encoder_has_none(tiny_encoder, pairs):
    model = build_model(ModelConfig(backbone=str(tiny_encoder)), GradeScale())
    with pytest.raises(ConfigError, match=r"likelihood\.query: an encoder has no likelihood: ask for tuned"):
        model.features(pairs, QUERY)


def test_an_exported_model_has_none(tiny_llm):
    model = fold(build_model(ModelConfig(backbone=str(tiny_llm)), GradeScale()), "float32", [])
    with pytest.raises(ConfigError, match="an exported model has no likelihood: use the model it was made"):
        model.features(PAIRS, QUERY)
