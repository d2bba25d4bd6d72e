"""Settings of a single training from KEY=VALUE pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from darl.catalogue import build, component_faults
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.config import ModelConfig
from darl.models.prompt import template_faults
from darl.objectives.catalogue import OBJECTIVES
from darl.pipeline.ood_config import OODConfig, logit_faults
from darl.pipeline.overrides import checked, override
from darl.pipeline.warm_config import WarmConfig
from darl.training.config import TrainingConfig


class Settings(BaseModel):
    """What a single training is told.

    Attributes:
        model: What the model is made of.
        training: How it is trained.
        ood: The detector that is kept with it; None keeps none.
        warm: What is made of a catalogue first; None = the defaults, where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    training: TrainingConfig
    ood: OODConfig | None
    warm: WarmConfig | None = None

    @field_validator("model")
    @classmethod
    def _fits(cls, value: ModelConfig) -> ModelConfig:
        faults = template_faults(value.prompt) + component_faults(OBJECTIVES, value.objective)
        if faults:
            raise ValueError("; ".join(faults))
        return value

    @model_validator(mode="after")
    def _detector_fits(self) -> Settings:
        if self.ood is not None and (faults := logit_faults(self.ood.detector, self.model.objective)):
            raise ValueError("; ".join(f"ood: {fault}" for fault in faults))
        return self


def parse_settings(
    model: Mapping[str, Any],
    overrides: Sequence[str],
    ood: Mapping[str, Any] | None,
    scale: GradeScale | None = None,
) -> Settings:
    """Settings from what is typed.

    Args:
        model: The model's settings so far.
        overrides: "KEY=VALUE" for the training; "model.KEY=VALUE", "ood.KEY=VALUE" and "warm.KEY=VALUE".
        ood: Settings of the detector that is kept so far; None keeps none.
        scale: The grades to be told apart; None = irrelevant, weak, strong.

    Raises:
        ConfigError: With every fault found.
    """
    raw: dict[str, Any] = {"model": dict(model), "training": {}, "ood": ood and dict(ood)}
    for text in overrides:
        override(raw, text if text.startswith(("model.", "ood.", "warm.")) else f"training.{text}")
    settings = checked(Settings, raw, "settings")
    check_settings(settings.model, settings.training, scale or GradeScale())
    return settings


def parse_warm(raw: Mapping[str, Any]) -> WarmConfig:
    """How many pairs are made of a catalogue, from what is typed.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(WarmConfig, raw, "warm")


def check_settings(model: ModelConfig, training: TrainingConfig, scale: GradeScale) -> None:
    """Tell what the objective has against the grades and the training, before anything heavy loads.

    Raises:
        ConfigError: With every fault found.
    """
    objective = build("objective", OBJECTIVES, model.objective)
    faults = [f"model.objective: {fault}" for fault in objective.faults(len(scale))]
    faults += [f"training: {fault}" for fault in training.faults(objective)]
    if faults:
        raise ConfigError("settings", faults)
