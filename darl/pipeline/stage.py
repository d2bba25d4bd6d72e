"""A stage and a round as an experiment file writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from darl.annotation.catalogue import ANNOTATORS
from darl.catalogue import Component, build, component_faults
from darl.models.base import FROZEN, FeatureView, ViewField
from darl.ood.base import SEEN
from darl.ood.catalogue import DETECTORS
from darl.pairs import GradedPair
from darl.selection.catalogue import STRATEGIES
from darl.training.batches import Examples
from darl.training.config import TrainingConfig


class RoundConfig(BaseModel):
    """One DASA round: detect what the training set does not cover, select within a budget, annotate.

    Attributes:
        features: What the detector reads, and where strategies see what is alike: a FeatureView, such as
            "tuned" (the fine-tuned model's), "frozen" (the backbone's) or "frozen.item". With a likelihood,
            strategies see the frozen features of the same text.
        detector: A detector and its arguments.
        strategy: A selection strategy and its arguments.
        budget: Labels to spend.
        annotator: "oracle" (the pool file's held-back grades) or "spreadsheet" (people).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: ViewField = FROZEN
    # Checked also where it is not given: it may not go with the features.
    detector: Component = Field(Component(name="knn"), validate_default=True)
    strategy: Component = Component(name="dasa")
    budget: int = Field(ge=1)
    annotator: Component = Component(name="oracle")

    @field_validator("detector")
    @classmethod
    def _known_detector(cls, value: Component, info: ValidationInfo) -> Component:
        faults = component_faults(DETECTORS, value)
        if not faults and "features" in info.data:
            faults = view_faults(value, info.data["features"])
        return _checked(value, faults)

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, value: Component) -> Component:
        return _checked(value, component_faults(STRATEGIES, value))

    @field_validator("annotator")
    @classmethod
    def _known_annotator(cls, value: Component) -> Component:
        if value.name not in ANNOTATORS:
            known = ", ".join(sorted(ANNOTATORS))
            raise ValueError(f"unknown name {value.name!r}: expected one of {known}")
        if value.arguments:
            raise ValueError(f"{value.name} takes no arguments, received {', '.join(value.arguments)}")
        return value


class Stage(TrainingConfig):
    """One fine-tuning pass, with the round that comes before it, if any.

    Attributes:
        name: Names its folder and its lines in the log.
        examples: "train" (the graded training pairs), "selected" (what rounds so far have selected), or
            "both".
        replay: With "selected": share of each epoch drawn afresh from the training pairs, in [0, 1).
        adapter: "new" starts from the pre-trained backbone, "continue" from the stage before.
        round: The selection to make first.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    examples: Literal["train", "selected", "both"] = "train"
    replay: float = Field(0.0, ge=0, lt=1)
    adapter: Literal["new", "continue"] = "continue"
    round: RoundConfig | None = None

    @model_validator(mode="after")
    def _replay_goes_with_selected(self) -> Stage:
        if self.replay and self.examples != "selected":
            raise ValueError(f"replay: goes with examples: selected, received examples: {self.examples}")
        return self

    def choose(self, train: tuple[GradedPair, ...], selected: tuple[GradedPair, ...]) -> Examples:
        """What this stage trains on."""
        if self.examples == "selected":
            return Examples(selected, train, self.replay)
        return Examples(train if self.examples == "train" else train + selected)


def view_faults(detector: Component, view: FeatureView) -> list[str]:
    """Why a detector, itself without fault, cannot read a view; empty where it can, or reads none."""
    reads = build("detector", DETECTORS, detector).needs & SEEN
    if reads <= {view.gives}:
        return []
    wanted = "likelihood, likelihood.query or likelihood.item"
    if "features" in reads:
        wanted = "another view, such as frozen, or the detector likelihood_ratio"
    return [f"{detector.name} reads {', '.join(reads)}, and {view} gives {view.gives}: expected {wanted}"]


def _checked(value: Component, faults: list[str]) -> Component:
    if faults:
        raise ValueError("; ".join(faults))
    return value
