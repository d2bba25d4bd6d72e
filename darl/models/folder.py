"""A local folder of standard model files: is it whole, and which weights are they."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from darl.errors import CheckpointError
from darl.files import CHUNK

INDEX = "model.safetensors.index.json"
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
CONVERT = (
    "darl reads no pickled weights, which can run code when they are loaded: convert them once, where you "
    "trust them, with AutoModelForCausalLM (an encoder: AutoModel) .from_pretrained(OLD).save_pretrained(NEW)"
)


def checked(folder: Path) -> Path:
    """`folder` itself, if it holds a whole model: config.json, safetensors weights and a tokenizer.

    Raises:
        CheckpointError: Not a folder, or not a whole model; every fault is named.
    """
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "not there"
        raise CheckpointError(
            f"{folder} is {kind}: expected a folder with config.json, *.safetensors and a tokenizer"
        )
    faults = faults_of(folder)
    if faults:
        raise CheckpointError(
            "\n".join([f"{folder} does not hold a whole model:", *(f"  - {f}" for f in faults)])
        )
    return folder


def faults_of(folder: Path) -> list[str]:
    """Everything that keeps `folder` from being loaded; empty if nothing does. Reads headers only."""
    return [*_config_faults(folder), *_weight_faults(folder), *_tokenizer_faults(folder)]


def is_causal(folder: Path) -> bool:
    """Whether a whole `folder` holds a causal LM, by the architecture that config.json names."""
    architectures = json.loads((folder / "config.json").read_text("utf-8")).get("architectures")
    return any(name.endswith("ForCausalLM") for name in architectures or ())


def fingerprint(folder: Path) -> str:
    """A fast identity of the backbone in `folder`, as 64 hexadecimal digits.

    The SHA-256 over config.json and, for each safetensors file in order of name: its name, its size, its
    header and the first and last MiB of its data. Another architecture, another precision or another training
    run gives another fingerprint; a change only deep inside a large file would not.

    Raises:
        CheckpointError: config.json or the weights are missing or truncated.
    """
    faults = [*_config_faults(folder), *_weight_faults(folder)]
    if faults:
        raise CheckpointError(
            "\n".join([f"{folder} has no fingerprint:", *(f"  - {fault}" for fault in faults)])
        )
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in _weight_files(folder):
        digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
        digest.update(_ends(path))
    return digest.hexdigest()


def _ends(path: Path) -> bytes:
    """The header, the first MiB of the data and the last MiB of the file."""
    with path.open("rb") as handle:
        first = handle.read(8 + _header_size(path) + CHUNK)
        handle.seek(-min(CHUNK, path.stat().st_size), 2)
        return first + handle.read()


def _config_faults(folder: Path) -> list[str]:
    path = folder / "config.json"
    if not path.is_file():
        adapter = (folder / "adapter_config.json").is_file()
        hint = (
            "this is an adapter, not a model: give the folder of its backbone"
            if adapter
            else "the model's settings"
        )
        return [f"config.json is missing ({hint})"]
    return [] if _is_object(path) else ["config.json is not a JSON object: it is damaged, copy it again"]


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text("utf-8")), dict)
    except ValueError:
        return False


def _tokenizer_faults(folder: Path) -> list[str]:
    if any((folder / name).is_file() for name in TOKENIZERS):
        return []
    return [f"the tokenizer is missing: expected one of {', '.join(TOKENIZERS)}"]


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _weight_faults(folder: Path) -> list[str]:
    files = _weight_files(folder)
    if not files:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        found = f", only {', '.join(pickles)}" if pickles else ""
        return [f"there are no *.safetensors weights{found}; {CONVERT}"]
    missing = sorted(_shards(folder) - {path.name for path in files})
    faults = [f"{name} is missing, and {INDEX} lists it: copy it again" for name in missing]
    return faults + [fault for path in files for fault in _file_faults(path)]


def _shards(folder: Path) -> set[str]:
    """The files that the index promises, if there is an index."""
    path = folder / INDEX
    if not path.is_file() or not _is_object(path):
        return set()
    weight_map: dict[str, str] = json.loads(path.read_text("utf-8")).get("weight_map", {})
    return set(weight_map.values())


def _file_faults(path: Path) -> list[str]:
    """Whether a safetensors file is as long as its header says."""
    size = path.stat().st_size
    try:
        header = _header(path)
        end = max(
            (entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"), default=0
        )
        expected = 8 + _header_size(path) + end
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error):
        return [f"{path.name} is not a safetensors file ({size} bytes): copy or download it again"]
    if size == expected:
        return []
    told = f"expected {expected} bytes, as its header says, received {size}"
    return [f"{path.name}: {told}; copy or download it again"]


def _header_size(path: Path) -> int:
    """The first 8 bytes of a safetensors file: how long its JSON header is."""
    with path.open("rb") as handle:
        (length,) = struct.unpack("<Q", handle.read(8))
    if length > path.stat().st_size:
        raise ValueError(f"a header of {length} bytes in a smaller file")
    return int(length)


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as handle:
        handle.seek(8)
        header: dict[str, Any] = json.loads(handle.read(_header_size(path)))
    return header
