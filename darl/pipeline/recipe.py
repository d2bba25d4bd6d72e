"""A recipe as an experiment file writes it."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from darl.catalogue import Component, build, component_faults
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.config import ObjectiveField
from darl.pipeline.ending_config import BACKBONE, START, GateConfig, InterpolationConfig, end_faults
from darl.pipeline.ood_config import logit_faults
from darl.pipeline.stage import CONTINUE, NEW, Stage


class Recipe(BaseModel):
    """One way of making a model, to be compared with others.

    Attributes:
        objective: Loss and decoding; a list of several, each with its weight, is `weighted`.
        stages: Fine-tuning passes, in order.
        hold_out: Share of the queries of what rounds select that no stage trains on: validation out of
            distribution, for what follows.
        interpolate: The recipe ends between an earlier model and the last stage's; None = with the latter.
        gate: What the recipe's model must not harm; None = nothing is asked.
        soup: Report on the mean of the seeds' final models too, as a model of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: ObjectiveField = Component(name="darl")
    stages: tuple[Stage, ...] = Field(min_length=1)
    hold_out: float = Field(0.0, ge=0, lt=1)
    interpolate: InterpolationConfig | None = None
    gate: GateConfig | None = None
    soup: bool = False

    @model_serializer(mode="wrap")
    def _plain_as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Older runs are compared with what is written here: what a recipe does not have is not in it.
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if key in ("objective", "stages") or value}

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
        faults += [
            f"stages: {name!r} has a meaning of its own and cannot be a stage's name"
            for name in names
            if name in (CONTINUE, NEW, START, BACKBONE)
        ]
        faults += [
            f"stage {stage.name}: adapter: expected one of {', '.join(known)}, received {stage.adapter!r}"
            for i, stage in enumerate(self.stages)
            if stage.adapter not in (known := [CONTINUE, NEW, *names[:i]])
        ]
        selected = False
        for stage in self.stages:
            selected = selected or stage.round is not None
            if stage.examples in ("selected", "both") and not selected:
                faults.append(
                    f"stage {stage.name}: examples: {stage.examples} needs a round in it or before it"
                )
        faults += self._objective_faults()
        faults += end_faults(self.interpolate, self.gate, names)
        if self.hold_out and not self.rounds:
            faults.append("hold_out: there is no round whose labels could be held out")
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
    def ends(self) -> bool:
        """Whether anything is decided after its last stage."""
        return self.interpolate is not None or self.gate is not None

    @property
    def ends_named(self) -> set[str]:
        """The models that its end names."""
        return {
            one for one in (getattr(self.interpolate, "first", ""), getattr(self.gate, "over", "")) if one
        }

    def before(self, named: str, started: bool) -> str:
        """The earlier model that an end means: the one it names or, by default, that before the last stage.

        Args:
            named: What the end names; "" = the default.
            started: Whether the run was started from another run's model.
        """
        if named:
            return named
        return self.stages[-2].name if len(self.stages) > 1 else START if started else BACKBONE

    def compared_with(self, started: bool) -> str:
        """The earlier model that the gate compares with; "" without a gate.

        Args:
            started: Whether the run was started from another run's model, which is then the current one.
        """
        if self.gate is None:
            return ""
        return self.gate.over or (START if started else self.before("", started))

    @property
    def rounds(self) -> int:
        """How often its stages select."""
        return sum(stage.rounds for stage in self.stages)

    @property
    def budget(self) -> int:
        """Labels that its rounds spend, if none ends early."""
        return sum(stage.round.labels for stage in self.stages if stage.round is not None)
