"""An untrained LLM grader says exactly what the LM would say."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from tests.tiny import CAUSAL, save_causal, toy_pairs

PAIRS = [one.pair for one in toy_pairs(9)]
SCALE = GradeScale()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", CAUSAL)
def test_untrained_grade_probs_are_the_lms_own(tmp_path, architecture, tied):
    folder = save_causal(tmp_path, architecture, tied=tied)
    model = build_model(ModelConfig(backbone=str(folder)), SCALE)
    received = model.predict(PAIRS).grade_probs

    lm, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    question = "How relevant is the item to the query: irrelevant, weak or strong?"
    prompt = question + "\nQuery: {}\nItem: {}\nRelevance:"
    words = [tokenizer(f": {name}")["input_ids"][1] for name in SCALE.names]
    for pair, probs in zip(PAIRS, received, strict=True):
        ids = tokenizer(prompt.format(pair.query, pair.item), return_tensors="pt")["input_ids"]
        with torch.no_grad():
            expected = lm(ids).logits[0, -1, words].softmax(dim=0)
        torch.testing.assert_close(torch.tensor(probs), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", CAUSAL)
def test_the_batch_changes_nothing(tmp_path, architecture):
    model = build_model(ModelConfig(backbone=str(save_causal(tmp_path, architecture))), SCALE)
    together = model.predict(PAIRS).grade_probs
    for row, pair in enumerate(PAIRS):
        torch.testing.assert_close(
            torch.tensor(model.predict([pair]).grade_probs[0]),
            torch.tensor(together[row]),
            atol=1e-5,
            rtol=1e-4,
        )


def test_only_adapter_and_head_are_trained_and_both_are_float32(tiny_llm):
    model = build_model(ModelConfig(backbone=str(tiny_llm), dtype="bfloat16"), SCALE)
    frozen = {weight.dtype for weight in model.scorer.parameters() if not weight.requires_grad}
    assert frozen == {torch.bfloat16}
    assert {weight.dtype for weight in model.trainable().values()} == {torch.float32}
    names = set(model.trainable())
    assert {"head.weight", "head.bias"} <= names
    assert all("lora_" in name for name in names - {"head.weight", "head.bias"})
    assert not any("embed" in name for name in names)


def test_the_vocabulary_head_is_gone(tiny_llm):
    model = build_model(ModelConfig(backbone=str(tiny_llm)), SCALE)
    outs = [m.out_features for m in model.scorer.modules() if isinstance(m, torch.nn.Linear)]
    assert max(outs) < 400  # the vocabulary


def test_upper_layers_only(tiny_llm):
    config = ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(upper_layers=1))
    names = [name for name in build_model(config, SCALE).trainable() if "lora" in name]
    assert names
    assert all(".layers.1." in name for name in names)


def test_more_upper_layers_than_there_are(tiny_llm):
    config = ModelConfig(backbone=str(tiny_llm), adapter=AdapterConfig(upper_layers=9))
    with pytest.raises(ConfigError, match=r"expected 1\.\.2"):
        build_model(config, SCALE)


def test_grade_words_must_differ_in_their_first_token(tiny_llm):
    config = ModelConfig(backbone=str(tiny_llm), grade_words=("weak coat", "weak hat", "strong"))
    with pytest.raises(ConfigError, match="different tokens"):
        build_model(config, SCALE)


def test_as_many_grade_words_as_grades(tiny_llm):
    with pytest.raises(ConfigError, match="expected 3 words"):
        build_model(ModelConfig(backbone=str(tiny_llm), grade_words=("no", "yes")), SCALE)


def test_seed_decides_the_adapter(tiny_llm):
    first, again, other = (
        build_model(ModelConfig(backbone=str(tiny_llm)), SCALE, seed=seed).trainable() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
