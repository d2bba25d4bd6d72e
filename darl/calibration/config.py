"""What is to be calibrated how, as it stands in an experiment and beside a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from darl.calibration.abstention import Abstention
from darl.calibration.base import Calibrator
from darl.calibration.catalogue import CALIBRATORS, DECISIONS
from darl.calibration.decision import Decision
from darl.catalogue import Component, build, component_faults
from darl.errors import ConfigError, UnknownGradeError
from darl.grades import GradeScale

NONE, MOST_PROBABLE = Component(name="none"), Component(name="most_probable")
SHARED_OUT = ("most_probable", "macro_f1")


class CalibrationConfig(BaseModel):
    """How a model's predictions are calibrated; in a file a method's name will do, and "none" is nothing.

    Attributes:
        method: A calibrator and its arguments.
        per_domain: A calibrator of its own for each domain that has at least 100 validation pairs.
        goal: A decision rule and its arguments; "precision" takes its grade by name too.
        new_traffic: Cut pairs that look new by the grades that people found among such traffic, where there
            are labels of it and the model keeps a detector (see `NewTraffic`).
        coverage: Abstain, and answer this share of the validation pairs; None = see `risk`.
        risk: Abstain, and keep the error rate among answered pairs within this; None and no `coverage` =
            every pair is answered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Component = Component(name="temperature")
    per_domain: bool = False
    goal: Component = MOST_PROBABLE
    new_traffic: bool = False
    coverage: float | None = None
    risk: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"method": value} if isinstance(value, str) else value

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: Component) -> Component:
        if faults := component_faults(CALIBRATORS, value):
            raise ValueError("; ".join(faults))
        return value

    @model_validator(mode="after")
    def _abstains_one_way(self) -> CalibrationConfig:
        self.abstention()
        return self

    @property
    def is_none(self) -> bool:
        """Whether nothing is asked for."""
        bare = self.method == NONE and self.goal == MOST_PROBABLE
        return bare and not self.new_traffic and self.abstention() is None

    def faults(self, scale: GradeScale) -> list[str]:
        """What does not fit a grade scale, each with its key."""
        try:
            found: Sequence[str] = self.decision(scale).argument_faults(len(scale))
        except ConfigError as error:
            found = error.faults
        faults = [f"goal: {fault}" for fault in found]
        if self.new_traffic and self.goal.name not in SHARED_OUT:
            faults.append(
                f"new_traffic: expected goal {' or '.join(SHARED_OUT)}, which promise nothing that new "
                f"cuts could break, received {self.goal.name}"
            )
        return faults

    @property
    def may_read_ood(self) -> bool:
        """Whether what is asked for can make use of OOD percentiles."""
        return self.new_traffic or self.abstention() is not None

    def calibrator(self) -> Calibrator:
        """The calibrator, not fitted."""
        return build("method", CALIBRATORS, self.method)

    def decision(self, scale: GradeScale) -> Decision:
        """The decision rule, not fitted.

        Raises:
            ConfigError: There is no such rule, or its arguments do not fit.
        """
        arguments = self.goal.arguments
        if "grade" in arguments:
            try:
                arguments["grade"] = scale.index(arguments["grade"])
            except UnknownGradeError as error:
                raise ConfigError("goal", [f"{self.goal.name}: {error}"]) from error
        return build("goal", DECISIONS, Component.model_validate({"name": self.goal.name, **arguments}))

    def abstention(self) -> Abstention | None:
        """The abstention rule, not fitted; None where every pair is answered."""
        if self.coverage is None and self.risk is None:
            return None
        return Abstention(self.coverage, self.risk)
