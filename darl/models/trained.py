"""What training has changed in a model, without its backbone: read, and put into a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import load_peft_weights
from peft.tuners.lora import Linear as LoraLinear
from safetensors.torch import load_file
from torch import Tensor

from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.models.checkpoint import HEAD, read_card
from darl.models.config import ModelConfig
from darl.models.neural import NeuralRelevanceModel

DOWN, UP = ".lora_A", ".lora_B"


class Factors(NamedTuple):
    """What training has added to a linear map of the backbone: up @ down.

    Attributes:
        down: (R, d_in).
        up: (d_out, R), the scale alpha / rank included.
    """

    down: Tensor
    up: Tensor

    @property
    def rank(self) -> int:
        """R."""
        return len(self.down)


@dataclass(frozen=True)
class Trained:
    """All that training has changed in a model, without its backbone.

    Attributes:
        config: What the model is made of.
        grades: The grades it knows.
        fingerprint: Identity of its backbone's weights.
        factors: By the name of a linear map, what was added to it; float32.
        others: All other trained weights by name, as the scorer calls them; float32.
    """

    config: ModelConfig
    grades: tuple[str, ...]
    fingerprint: str
    factors: Mapping[str, Factors]
    others: Mapping[str, Tensor]

    @classmethod
    def of(cls, model: NeuralRelevanceModel) -> Trained:
        """What training has changed in a model in memory, as copies.

        Raises:
            ConfigError: It is an exported one, in which both are one.
        """
        if model.folded is None:
            raise ConfigError("model", ["an exported model has no adapter: give the one it was made from"])
        factors = {
            name: Factors(
                _copy(layer.lora_A["default"].weight),
                _copy(layer.lora_B["default"].weight) * layer.scaling["default"],
            )
            for name, layer in _lora_layers(model).items()
        }
        others = {name: _copy(one) for name, one in model.trainable().items() if not _is_factor(name)}
        return cls(model.config, model.grade_scale.names, model.fingerprint, factors, others)

    @classmethod
    def read(cls, folder: Path, backbone: str | None = None) -> Trained:
        """The same from a model's folder; its backbone is not loaded.

        Args:
            folder: Written by `save_model`.
            backbone: Where the backbone is now, if not where the model says.

        Raises:
            CheckpointError: The folder cannot be trusted.
            ConfigError: It holds an exported model.
        """
        card = read_card(folder)
        if card.export is not None:
            raise ConfigError(
                str(folder), ["an exported model has no adapter: give the one it was made from"]
            )
        scale = card.model.adapter.alpha / card.model.adapter.rank
        tensors = load_peft_weights(str(folder), device="cpu")
        names = [key.removesuffix(f"{DOWN}.weight") for key in tensors if key.endswith(f"{DOWN}.weight")]
        try:
            factors = {
                name: Factors(
                    tensors.pop(f"{name}{DOWN}.weight").float(),
                    tensors.pop(f"{name}{UP}.weight").float() * scale,
                )
                for name in names
            }
        except KeyError as error:
            raise CheckpointError(f"{folder}: the adapter has no {error}; train again") from error
        if tensors:
            raise CheckpointError(f"{folder}: the adapter has more than low-rank maps: {', '.join(tensors)}")
        head = {f"head.{name}": one.float() for name, one in load_file(folder / HEAD).items()}
        config = card.model.model_copy(update={"backbone": backbone}) if backbone else card.model
        return cls(config, card.grades, card.fingerprint, factors, head)

    @property
    def rank(self) -> int:
        """The largest rank of its factors."""
        return max((one.rank for one in self.factors.values()), default=1)


@torch.no_grad()
def put(model: NeuralRelevanceModel, trained: Trained) -> None:
    """Give a model other trained weights, in place; what its adapter has of rank beyond theirs is 0.

    Raises:
        ShapeError: Its adapter has a smaller rank, or lacks a linear map.
    """
    layers = _lora_layers(model)
    if missing := trained.factors.keys() - layers.keys():
        raise ShapeError(f"adapter: expected a place for {', '.join(sorted(missing))}, received none")
    for name, layer in layers.items():
        down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        up.zero_()
        if name not in trained.factors:
            continue
        one = trained.factors[name]
        if one.rank > len(down):
            raise ShapeError(f"{name}: expected a rank of at most {len(down)}, received {one.rank}")
        down.zero_()
        down[: one.rank] = one.down
        up[:, : one.rank] = one.up / layer.scaling["default"]
    weights = dict(model.scorer.named_parameters())
    for name, value in trained.others.items():
        weights[name].copy_(value)


def _lora_layers(model: NeuralRelevanceModel) -> dict[str, Any]:
    return {name: one for name, one in model.scorer.body.named_modules() if isinstance(one, LoraLinear)}


def _is_factor(name: str) -> bool:
    return f"{DOWN}." in name or f"{UP}." in name


def _copy(weight: Tensor) -> Tensor:
    return weight.detach().cpu().float().clone()
