"""Which of a model's weights a stage trains; the others rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from darl.errors import ConfigError
from darl.models.neural import NeuralRelevanceModel
from darl.training.config import TrainingConfig

HEAD = "head."
BODY = "body.base_model.model."


def scope_faults(model: NeuralRelevanceModel, config: TrainingConfig) -> list[str]:
    """Why a stage has nothing to train on this model, each as a sentence; empty where it has."""
    if config.layers is None:
        return []
    total = int(model.scorer.body.config.get_text_config().num_hidden_layers)
    if config.layers[1] > total:
        return [f"layers: expected at most {total}, the backbone's layers, received {list(config.layers)}"]
    if config.trains == "all" and not any(_layer(name) for name in scope(model, config)):
        return [f"layers: expected some that have an adapter, received {list(config.layers)}"]
    return []


def check_scopes(model: NeuralRelevanceModel, stages: Sequence[TrainingConfig]) -> None:
    """Tell of stages that have nothing to train before the first of them is trained.

    Raises:
        ConfigError: With every fault found.
    """
    faults = [
        f"stage {place}: {fault}"
        for place, stage in enumerate(stages, start=1)
        for fault in scope_faults(model, stage)
    ]
    if faults:
        raise ConfigError("training", faults)


def scope(model: NeuralRelevanceModel, config: TrainingConfig) -> dict[str, nn.Parameter]:
    """The weights that a stage trains, by name: the head, and the adapter in the layers that it names."""
    return {
        name: weight
        for name, weight in model.trainable().items()
        if name.startswith(HEAD) or (config.trains == "all" and _within(name, config.layers))
    }


@contextmanager
def only_in_scope(model: NeuralRelevanceModel, config: TrainingConfig) -> Iterator[None]:
    """A block in which nothing else of the model has gradients.

    Raises:
        ConfigError: There is nothing to train.
    """
    if faults := scope_faults(model, config):
        raise ConfigError("training", faults)
    trained = scope(model, config)
    resting = [weight for name, weight in model.trainable().items() if name not in trained]
    try:
        for weight in resting:
            weight.requires_grad_(False)
        yield
    finally:
        for weight in resting:
            weight.requires_grad_(True)


def _within(name: str, layers: tuple[int, int] | None) -> bool:
    return layers is None or layers[0] <= _layer(name) <= layers[1]


def _layer(name: str) -> int:
    """The layer that a weight of the adapter is in, from 1; 0 for the head.

    >>> _layer("body.base_model.model.encoder.layer.3.attention.self.query.lora_A.default.weight")
    4
    """
    parts = name.removeprefix(BODY).split(".")[:3]
    return next((int(part) + 1 for part in parts if part.isdigit()), 0)
