"""What a recipe ends with, as an experiment file writes it: a point between two models, and a gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from darl.evaluation.gate import GateRule
from darl.evaluation.metrics import metrics_for
from darl.grades import GradeScale

BACKBONE, START = "backbone", "start"
ALPHAS = tuple(i / 10 for i in range(11))


class InterpolationConfig(BaseModel):
    """The recipe ends between an earlier model and that of its last stage; a name alone is `first`.

    Attributes:
        first: The model at alpha = 0: a stage's name, "backbone" (the model before any training) or "start"
            (what the run was started from); "" = the stage before the last or, where there is one stage
            only, what it began from.
        alphas: Points that are judged on validation, each in [0, 1]; a single one is taken unasked.
        metric: What they are judged by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    first: str = ""
    alphas: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(ALPHAS, min_length=1)
    metric: str = "macro_f1"

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"first": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _distinct(self) -> InterpolationConfig:
        if len(set(self.alphas)) < len(self.alphas):
            raise ValueError(f"alphas: expected different numbers, received {list(self.alphas)}")
        return self


class GateConfig(GateRule):
    """The run ends with an earlier model, the current one, where the gate refuses the recipe's.

    Attributes:
        over: The current model, as `InterpolationConfig.first`; "" = what the run was started from or,
            where it was started from nothing, as there.
    """

    over: str = ""


def end_faults(
    interpolate: InterpolationConfig | None, gate: GateConfig | None, stages: Sequence[str]
) -> list[str]:
    """Ends that name no model, each with its key.

    Args:
        interpolate: May be None.
        gate: May be None.
        stages: The names of the recipe's stages.
    """
    known = [*stages[:-1], BACKBONE, START]
    named = {
        "interpolate.first": interpolate.first if interpolate else "",
        "gate.over": gate.over if gate else "",
    }
    return [
        f"{key}: expected one of {', '.join(known)}, received {name!r}"
        for key, name in named.items()
        if name and name not in known
    ]


def metric_faults(
    interpolate: InterpolationConfig | None, gate: GateConfig | None, scale: GradeScale
) -> list[str]:
    """Metrics that there are not on these grades, each with its key."""
    known = metrics_for(scale)
    asked = {"interpolate.metric": interpolate, "gate.metric": gate}
    return [
        f"{key}: expected one of {', '.join(known)}, received {one.metric!r}"
        for key, one in asked.items()
        if one is not None and one.metric not in known
    ]
