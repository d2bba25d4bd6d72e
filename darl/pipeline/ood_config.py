"""Which detector is kept with a model, as an experiment file or a command line says it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from darl.catalogue import Component, build, component_faults
from darl.models.base import TUNED, ViewField
from darl.objectives.catalogue import OBJECTIVES
from darl.ood.base import SEEN
from darl.ood.catalogue import DETECTORS
from darl.pipeline.stage import view_faults

SIZE = 4000
"""Training pairs that a detector is fitted on, and held-out ones that it is compared with, at most."""


class OODConfig(BaseModel):
    """Which detector is kept with a model.

    Attributes:
        features: What it reads: a FeatureView. "tuned" is what the model gives with its grades; any other
            view takes another pass, whenever pairs are predicted.
        detector: A detector and its arguments.
        size: Training pairs that it is fitted on, at most, and as many held-out ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: ViewField = TUNED
    detector: Component = Component(name="knn")
    size: int = Field(SIZE, ge=1)

    @field_validator("detector")
    @classmethod
    def _known_detector(cls, value: Component) -> Component:
        if faults := component_faults(DETECTORS, value):
            raise ValueError("; ".join(faults))
        return value

    @model_validator(mode="after")
    def _view_is_read(self) -> OODConfig:
        if faults := view_faults(self.detector, self.features):
            raise ValueError("; ".join(faults))
        if self.features != TUNED and not build("detector", DETECTORS, self.detector).needs & SEEN:
            raise ValueError(f"features: {self.detector} reads none, received {self.features}: leave it out")
        return self


KNN_ON_TUNED = OODConfig()


def logit_faults(detector: Component, objective: Component) -> list[str]:
    """What a detector has against an objective: it may read one logit a grade, and not be given them."""
    needs = build("detector", DETECTORS, detector).needs
    if "class_logits" not in needs or build("objective", OBJECTIVES, objective).class_logits:
        return []
    return [
        f"detector {detector.name} reads one logit a grade, which the objective {objective.name} does not "
        "give"
    ]
