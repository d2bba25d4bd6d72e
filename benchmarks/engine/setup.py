"""What one run of the benchmark is about: settings that every section reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.neural import NeuralRelevanceModel

SCALE = GradeScale()


@dataclass(frozen=True)
class Setup:
    """Where things are and what is measured.

    Attributes:
        backbone: The model, as darl names it; a folder for weights made here.
        label: What reports call it.
        folder: Its weights.
        workspace: A temporary folder for whatever is written.
        data: Folder of the ESCI files.
        device: "cpu" or "cuda".
        dtype: Of the weights where a contender does not say otherwise: float32 on a CPU, bfloat16 on a GPU.
        quick: A smoke test: a few pairs, one round; its numbers mean nothing.
    """

    backbone: str
    label: str
    folder: Path
    workspace: Path
    data: Path
    device: str = "cpu"
    dtype: str = "float32"
    quick: bool = False

    def config(self, **more: Any) -> ModelConfig:  # noqa: ANN401 # any field of a ModelConfig
        """The model's configuration for darl."""
        return ModelConfig.model_validate({"backbone": self.backbone, "dtype": self.dtype, **more})

    def model(self, **more: Any) -> NeuralRelevanceModel:  # noqa: ANN401
        """A fresh model of darl."""
        return build_model(self.config(**more), SCALE)

    def as_json(self) -> str:
        """For a subprocess."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Setup:
        """What `as_json` wrote."""
        raw = json.loads(text)
        paths = {name: Path(raw[name]) for name in ("folder", "workspace", "data")}
        return cls(**{**raw, **paths})
