"""A recipe as an experiment file writes it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from darl.catalogue import Component, build, component_faults
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.config import ObjectiveField
from darl.pipeline.ood_config import logit_faults
from darl.pipeline.stage import Stage


class Recipe(BaseModel):
    """One way of making a model, to be compared with others.

    Attributes:
        objective: Loss and decoding; a list of several, each with its weight, is `weighted`.
        stages: Fine-tuning passes, in order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: ObjectiveField = Component(name="softmax")
    stages: tuple[Stage, ...] = Field(min_length=1)

    @field_validator("objective")
    @classmethod
    def _known_objective(cls, value: Component) -> Component:
        if faults := component_faults(OBJECTIVES, value):
            raise ValueError("; ".join(faults))
        return value

    @model_validator(mode="after")
    def _stages_fit(self) -> Recipe:
        names = [stage.name for stage in self.stages]
        faults = [
            f"stages: the name {name!r} stands twice"
            for name in sorted({n for n in names if names.count(n) > 1})
        ]
        selected = False
        for stage in self.stages:
            selected = selected or stage.round is not None
            if stage.examples != "train" and not selected:
                faults.append(
                    f"stage {stage.name}: examples: {stage.examples} needs a round in it or before it"
                )
        faults += self._objective_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _objective_faults(self) -> list[str]:
        """What stages ask for that the objective does not go with."""
        objective = build("objective", OBJECTIVES, self.objective)
        faults = [
            f"stage {stage.name}: {fault}" for stage in self.stages for fault in stage.faults(objective)
        ]
        return faults + [
            f"stage {stage.name}: {fault}"
            for stage in self.stages
            if stage.round
            for fault in logit_faults(stage.round.detector, self.objective)
        ]

    @property
    def rounds(self) -> int:
        """How often its stages select."""
        return sum(stage.rounds for stage in self.stages)

    @property
    def budget(self) -> int:
        """Labels that its rounds spend, if none ends early."""
        return sum(stage.round.labels for stage in self.stages if stage.round is not None)
