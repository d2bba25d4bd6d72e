"""Two-layer random models with a real tokenizer, and a few pairs: what tests need of weights and data."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    BloomConfig,
    BloomForCausalLM,
    DiffLlamaConfig,
    DiffLlamaForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from darl.pairs import GradedPair, Pair

TEXTS = [
    "Query: warm winter coat\nItem: lined parka\n",
    "Relevance of the item to the query (irrelevant, weak or strong):",
    "red shoes blue boots leather hat wool scarf irrelevant weak strong running trail city",
] * 3
VOCABULARY = 400
SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
CAUSAL = {
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"head_dim": 8}),
    "gemma": (GemmaConfig, GemmaForCausalLM, {"head_dim": 8}),
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, {"head_dim": 8, "final_logit_softcapping": 3.0}),
    "mistral": (MistralConfig, MistralForCausalLM, {}),
}
# A token sees the last few only: in every layer, in the upper one, in the lower one.
WINDOWED = {
    "mistral-12": (MistralConfig, MistralForCausalLM, {"sliding_window": 12}),
    "qwen2-8": (
        Qwen2Config,
        Qwen2ForCausalLM,
        {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    ),
    "gemma2-8": (
        Gemma2Config,
        Gemma2ForCausalLM,
        {"head_dim": 8, "sliding_window": 8, "attn_logit_softcapping": 0.5, "query_pre_attn_scalar": 8},
    ),
    "gemma3-8": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        {"head_dim": 8, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    ),
}
# Decoders whose tokens meet, or know their place, in other ways than a packed row can show them.
OTHERS = {
    "bloom": (BloomConfig, BloomForCausalLM, {"n_layer": 2, "n_head": 4}),
    "mamba": (MambaConfig, MambaForCausalLM, {"state_size": 4}),
    "lfm2-below": (Lfm2Config, Lfm2ForCausalLM, {"layer_types": ["conv", "full_attention"]}),
    "lfm2-above": (Lfm2Config, Lfm2ForCausalLM, {"layer_types": ["full_attention", "conv"]}),
}
# Two attention calls a layer.
TWICE = {"diffllama": (DiffLlamaConfig, DiffLlamaForCausalLM, {})}


def save_tokenizer(folder: Path, *, encoder: bool = False) -> None:
    """A byte-level BPE trained on a few words; for encoders with [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>", "[CLS]", "[SEP]"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if encoder:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)


def make_causal(
    architecture: str = "llama", *, tied: bool = True, seed: int = 0, strength: float = 1.0
) -> PreTrainedModel:
    """A causal LM with random weights; `strength` makes its layers' maps larger, so that tokens matter."""
    torch.manual_seed(seed)
    config, model, more = (CAUSAL | WINDOWED | OTHERS | TWICE)[architecture]
    lm = model(config(**SHAPE, **more, tie_word_embeddings=tied, pad_token_id=0, eos_token_id=1))
    with torch.no_grad():
        for module in lm.base_model.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.mul_(strength)
    return lm


def save_causal(
    folder: Path, architecture: str = "llama", *, tied: bool = True, seed: int = 0, strength: float = 1.0
) -> Path:
    """The folder of a causal LM with random weights."""
    lm = make_causal(architecture, tied=tied, seed=seed, strength=strength)
    lm.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_encoder(folder: Path, seed: int = 0) -> Path:
    """An encoder with random weights."""
    torch.manual_seed(seed)
    shape = {key: value for key, value in SHAPE.items() if key != "num_key_value_heads"}
    BertModel(BertConfig(**shape, pad_token_id=0), add_pooling_layer=False).save_pretrained(folder)
    save_tokenizer(folder, encoder=True)
    return folder


def toy_pairs(n: int = 24, queries: int = 6, prefix: str = "q") -> list[GradedPair]:
    """Pairs whose grade can be read off the item: strong items say strong, and so on."""
    words = ("irrelevant", "weak", "strong")
    return [
        GradedPair(
            Pair(
                f"{prefix}{i % queries}",
                f"{prefix} coat number {i % queries}",
                f"i{i}",
                f"{words[i * 7 % 3]} wool {i}" + " lined parka" * (i % 4),
                domain="shop",
                fields=(("brand", f"brand {i % 3}"),),
            ),
            i * 7 % 3,
        )
        for i in range(n)
    ]
