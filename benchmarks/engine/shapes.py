"""Models with random weights in the shape of real ones: their speed is the same, and nothing is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
QWEN3: dict[str, Any] = {
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151_936,
    "max_position_embeddings": 40_960,
    "tie_word_embeddings": True,
}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 0,
        "max_position_embeddings": 1024,
    },
    "qwen3-tiny": QWEN3
    | {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "vocab_size": 0,
    },
    "qwen3-0.6b": QWEN3
    | {
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
    },
    "qwen3-4b": QWEN3
    | {
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
    },
}


def make_shape(
    name: str, folder: Path, tokenizer_from: Path, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> Path:
    """Write a causal LM of that shape, and return its folder; one that is there stays.

    Args:
        name: One of SHAPES.
        folder: Where to.
        tokenizer_from: A model's folder, whose tokenizer it gets. The vocabulary is at least as large.
        dtype: Of the weights.
        device: Where they are drawn: billions take minutes on a CPU.
    """
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for file in TOKENIZER_FILES:
        shutil.copyfile(tokenizer_from / file, folder / file)
    _weights(name, folder, dtype, device).save_pretrained(folder)
    return folder


def _weights(name: str, folder: Path, dtype: torch.dtype, device: str) -> PreTrainedModel:
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    shape = SHAPES[name] | {"vocab_size": max(SHAPES[name]["vocab_size"], len(tokenizer))}
    special = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            if name.startswith("qwen3"):
                return Qwen3ForCausalLM(Qwen3Config(**shape, **special))
            return LlamaForCausalLM(LlamaConfig(**shape, **special))
    finally:
        torch.set_default_dtype(before)
