"""A GGUF file written out once as standard files: config.json, safetensors in float32, a fast tokenizer.

Written here rather than through transformers' GGUF loader for two reasons. That loader gives every
byte-level tokenizer the same pre-tokenizer, where `tokenizer.ggml.pre` says that digits are split first;
and what it saves carries its own version, where the same GGUF must give the same bytes, and so the same
fingerprint, everywhere.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from darl.errors import CheckpointError
from darl.files import write_text
from darl.progress import Progress, task

if TYPE_CHECKING:
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer

TOP_TENSORS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
BLOCK_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
KNOWN = {
    "general.architecture": {"llama"},
    "tokenizer.ggml.model": {"gpt2"},
    "tokenizer.ggml.pre": {"gpt-2", "smollm"},
}
UNKNOWN_PREFIXES = ("llama.rope.scaling.", "llama.expert_")
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
NORMAL, CONTROL = 1, 3  # of tokenizer.ggml.token_type

Metadata = Mapping[str, Any]


def convert(source: Path, folder: Path, progress: Progress) -> None:
    """Write the model in the GGUF file `source` into `folder`.

    Only the llama architecture with a byte-level BPE tokenizer is known; anything else is refused rather than
    guessed.

    Raises:
        CheckpointError: Not a GGUF file, one of another kind, or one that lacks something.
    """
    reader = _open(source)
    metadata = _metadata(reader, source)
    config = llama_config(metadata, tied=all(tensor.name != "output.weight" for tensor in reader.tensors))
    _write_weights(reader, config, folder / "model.safetensors", progress)
    _write_json(folder / "config.json", config)
    _write_json(folder / "generation_config.json", {key: config[key] for key in TOKEN_IDS})
    _write_tokenizer(metadata, folder)


def _open(source: Path) -> GGUFReader:
    from gguf import GGUFReader

    try:
        return GGUFReader(source)
    except (ValueError, IndexError) as error:
        raise CheckpointError(f"{source} is not a whole GGUF file: {error}; fetch it again") from error


class _Fields(dict[str, Any]):
    """GGUF metadata; a key that is missing is named in the error."""

    def __init__(self, source: Path, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.source = source

    def __missing__(self, key: str) -> Any:  # noqa: ANN401 - GGUF values are of any type
        raise CheckpointError(f"{self.source}: expected the GGUF key {key!r}, which is not there")


def _metadata(reader: GGUFReader, source: Path) -> Metadata:
    metadata = _Fields(source, {key: field.contents() for key, field in reader.fields.items()})
    for key, known in KNOWN.items():
        if metadata[key] not in known:
            raise CheckpointError(
                f"{source}: {key} is {metadata[key]!r}: expected one of {', '.join(sorted(known))}; "
                "convert the original weights, not the GGUF file"
            )
    other = sorted(key for key in metadata if key.startswith(UNKNOWN_PREFIXES))
    if other:
        raise CheckpointError(
            f"{source}: {', '.join(other)}: scaled rotary embeddings and experts are not known"
        )
    return metadata


def llama_config(metadata: Metadata, tied: bool) -> dict[str, Any]:
    """config.json of a llama model from its GGUF metadata; `tied` if it has no output matrix of its own."""
    heads, width = metadata["llama.attention.head_count"], metadata["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "bos_token_id": metadata["tokenizer.ggml.bos_token_id"],
        "dtype": "float32",
        "eos_token_id": metadata["tokenizer.ggml.eos_token_id"],
        "head_dim": metadata.get("llama.attention.key_length", width // heads),
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": metadata["llama.feed_forward_length"],
        "max_position_embeddings": metadata["llama.context_length"],
        "mlp_bias": False,
        "num_attention_heads": heads,
        "num_hidden_layers": metadata["llama.block_count"],
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        "pad_token_id": metadata.get(
            "tokenizer.ggml.padding_token_id", metadata["tokenizer.ggml.eos_token_id"]
        ),
        # GGUF holds it as float32: 1e-05, not 9.999999747378752e-06.
        "rms_norm_eps": float(str(np.float32(metadata["llama.attention.layer_norm_rms_epsilon"]))),
        # transformers 5 reads rope_parameters; older readers read rope_theta, and without it assume 10000.
        "rope_theta": metadata["llama.rope.freq_base"],
        "rope_parameters": {"rope_theta": metadata["llama.rope.freq_base"], "rope_type": "default"},
        "tie_word_embeddings": tied,
        "vocab_size": len(metadata["tokenizer.ggml.tokens"]),
    }


def _write_weights(reader: GGUFReader, config: Metadata, path: Path, progress: Progress) -> None:
    from gguf import dequantize
    from safetensors.numpy import save_file

    weights: dict[str, NDArray[np.float32]] = {}
    with task(progress, "convert to safetensors", len(reader.tensors), "tensors"):
        for tensor in reader.tensors:
            values = dequantize(tensor.data, tensor.tensor_type)
            weights[hf_name(tensor.name)] = hf_order(tensor.name, values, config)
            progress.advance(1)
    missing = sorted(_expected(config) - weights.keys())
    if missing:
        raise CheckpointError(
            f"the GGUF file lacks {len(missing)} tensors, the first is {missing[0]}: fetch it again"
        )
    # transformers reads only files that say which framework's layout they follow.
    save_file(weights, path, metadata={"format": "pt"})


def hf_name(name: str) -> str:
    """The transformers name of a GGUF tensor of a llama model.

    >>> hf_name("blk.3.attn_q.weight")
    'model.layers.3.self_attn.q_proj.weight'
    """
    if match := re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name):
        layer, part = match.groups()
        if part in BLOCK_TENSORS:
            return f"model.layers.{layer}.{BLOCK_TENSORS[part]}.weight"
    elif name.removesuffix(".weight") in TOP_TENSORS:
        return f"{TOP_TENSORS[name.removesuffix('.weight')]}.weight"
    raise CheckpointError(f"the GGUF file has a tensor {name!r}, which no plain llama model has")


def hf_order(name: str, values: NDArray[np.float32], config: Metadata) -> NDArray[np.float32]:
    """A tensor with its rows in transformers' order.

    GGUF interleaves the two halves of each head of the query and key projections (rotary pairs side by side);
    transformers keeps the halves one after the other.
    """
    heads = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}.get(name.split(".")[-2])
    if heads is None:
        return np.ascontiguousarray(values)
    pairs = values.reshape(config[heads], -1, 2, values.shape[-1])
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(values.shape))


def _expected(config: Metadata) -> set[str]:
    top = [part for part in TOP_TENSORS if part != "output" or not config["tie_word_embeddings"]]
    blocks = [f"blk.{layer}.{part}" for layer in range(config["num_hidden_layers"]) for part in BLOCK_TENSORS]
    return {hf_name(f"{part}.weight") for part in [*top, *blocks]}


def _write_tokenizer(metadata: Metadata, folder: Path) -> None:
    byte_level_bpe(metadata).save(str(folder / "tokenizer.json"))
    tokens = metadata["tokenizer.ggml.tokens"]
    pad = metadata.get("tokenizer.ggml.padding_token_id", metadata["tokenizer.ggml.eos_token_id"])
    settings = {
        "bos_token": tokens[metadata["tokenizer.ggml.bos_token_id"]],
        "clean_up_tokenization_spaces": False,
        "eos_token": tokens[metadata["tokenizer.ggml.eos_token_id"]],
        "model_max_length": metadata["llama.context_length"],
        "pad_token": tokens[pad],
        # The class that takes tokenizer.json as it is; a model's own class would rebuild its pre-tokenizer.
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if "tokenizer.ggml.unknown_token_id" in metadata:
        settings["unk_token"] = tokens[metadata["tokenizer.ggml.unknown_token_id"]]
    _write_json(folder / "tokenizer_config.json", settings)
    if "tokenizer.chat_template" in metadata:
        write_text(folder / "chat_template.jinja", metadata["tokenizer.chat_template"])


def byte_level_bpe(metadata: Metadata) -> Tokenizer:
    """The fast tokenizer that a GGUF file describes; bytes that have no token are left out."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
    pairs = [(left, right) for left, right in (merge.split(" ", 1) for merge in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=pairs))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = (
        [pre_tokenizers.Digits(individual_digits=True)] if metadata["tokenizer.ggml.pre"] == "smollm" else []
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(_added(metadata))
    return tokenizer


def _added(metadata: Metadata) -> list[AddedToken]:
    """The tokens that are matched in the text before it is split: control tokens and those a user defined."""
    from tokenizers import AddedToken

    kinds = zip(metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"], strict=True)
    return [
        AddedToken(token, normalized=False, special=kind == CONTROL)
        for token, kind in kinds
        if kind != NORMAL
    ]


def _write_json(path: Path, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")
