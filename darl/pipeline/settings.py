"""Settings of a single training from KEY=VALUE pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from darl.catalogue import component_faults
from darl.errors import ConfigError
from darl.models.config import ModelConfig
from darl.models.prompt import template_faults
from darl.objectives.catalogue import OBJECTIVES
from darl.pipeline.overrides import faults_of, override
from darl.training.config import TrainingConfig


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: ModelConfig
    training: TrainingConfig

    @field_validator("model")
    @classmethod
    def _fits(cls, value: ModelConfig) -> ModelConfig:
        faults = template_faults(value.prompt) + component_faults(OBJECTIVES, value.objective)
        if faults:
            raise ValueError("; ".join(faults))
        return value


def parse_settings(model: Mapping[str, Any], overrides: Sequence[str]) -> tuple[ModelConfig, TrainingConfig]:
    """The model's and the training's settings.

    Args:
        model: The model's settings so far.
        overrides: "KEY=VALUE" for the training, "model.KEY=VALUE" for the model.

    Raises:
        ConfigError: With every fault found.
    """
    raw: dict[str, Any] = {"model": dict(model), "training": {}}
    for text in overrides:
        override(raw, text if text.startswith("model.") else f"training.{text}")
    try:
        settings = _Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("settings", faults_of(error)) from error
    return settings.model, settings.training
