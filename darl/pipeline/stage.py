"""A stage and a round as an experiment file writes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from darl.annotation.catalogue import ANNOTATORS
from darl.catalogue import Component, build, component_faults
from darl.evaluation.stop_rule import StopRule
from darl.models.base import FROZEN, FeatureView, ViewField
from darl.ood.base import SEEN
from darl.ood.catalogue import DETECTORS
from darl.pairs import GradedPair
from darl.pipeline.warm_config import WarmConfig
from darl.selection.catalogue import STRATEGIES
from darl.training.batches import Examples
from darl.training.config import TrainingConfig

CONTINUE, NEW = "continue", "new"
"""Where a stage's training starts, if not from the model of a stage that it names."""


class RoundConfig(BaseModel):
    """A DASA round: detect what the training set does not cover, select within a budget, annotate.

    Attributes:
        features: What the detector reads, and where strategies see what is alike: a FeatureView, such as
            "tuned" (the fine-tuned model's), "frozen" (the backbone's) or "frozen.item". With a likelihood,
            strategies see the frozen features of the same text.
        detector: A detector and its arguments.
        strategy: A selection strategy and its arguments.
        budget: Labels to spend, in each round.
        annotator: "oracle" (the pool file's held-back grades) or "spreadsheet" (people).
        rounds: How often the stage selects and trains, each time with the model of the time before.
        stop: When rounds end before that; None = never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: ViewField = FROZEN
    # Checked also where it is not given: it may not go with the features.
    detector: Component = Field(Component(name="knn"), validate_default=True)
    strategy: Component = Component(name="dasa")
    budget: int = Field(ge=1)
    annotator: Component = Component(name="oracle")
    rounds: int = Field(1, ge=1)
    stop: StopRule | None = None

    @property
    def labels(self) -> int:
        """Labels that all its rounds spend, if none is left out."""
        return self.rounds * self.budget

    @model_validator(mode="after")
    def _rule_can_act(self) -> RoundConfig:
        if self.stop is not None and self.rounds <= self.stop.first_round:
            raise ValueError(
                f"stop: on {self.stop.on} pairs it decides after round {self.stop.first_round} at the "
                f"earliest: expected rounds above that, received {self.rounds}"
            )
        return self

    @model_serializer(mode="wrap")
    def _one_as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Folders are named by what is written here: a single round is written as when there was no other.
        written: dict[str, Any] = write(self)
        alone = ("rounds", "stop") if self.rounds == 1 else ()
        return {key: value for key, value in written.items() if key not in alone}

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
        examples: "train" (the graded training pairs), "selected" (what rounds so far have selected),
            "both", or "warm" (pairs made of the catalogue, without a label).
        replay: With "selected": share of each epoch drawn afresh from the training pairs, in [0, 1).
        adapter: "continue" goes on with the model of the stage before, "new" starts again from the
            pre-trained backbone, and the name of an earlier stage from that stage's model. A round selects
            with the model of the stage before in any case.
        head: With adapter: continue, "new" starts the grade head alone again: from the grade words or, of an
            encoder, from what similarity says of this stage's examples.
        round: The selection to make first; with several rounds, selection and training take turns.
        warm: With examples: warm, what is made of the catalogue.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    examples: Literal["train", "selected", "both", "warm"] = "train"
    replay: float = Field(0.0, ge=0, lt=1)
    adapter: str = CONTINUE
    head: Literal["new", "continue"] = "continue"
    round: RoundConfig | None = None
    warm: WarmConfig | None = None

    @model_validator(mode="after")
    def _warm_goes_with_warm(self) -> Stage:
        if self.examples == "warm" and self.round is not None:
            raise ValueError("round: a stage with examples: warm learns no labels: put it into a later stage")
        if self.examples != "warm" and self.warm is not None:
            raise ValueError(f"warm: goes with examples: warm, received examples: {self.examples}")
        if self.examples == "warm" and self.warm is None:
            object.__setattr__(self, "warm", WarmConfig())  # in what names its folder, should defaults change
        return self

    @model_validator(mode="after")
    def _replay_goes_with_selected(self) -> Stage:
        if self.replay and self.examples != "selected":
            raise ValueError(f"replay: goes with examples: selected, received examples: {self.examples}")
        return self

    @model_validator(mode="after")
    def _rounds_teach(self) -> Stage:
        if self.rounds > 1 and self.examples == "train":
            raise ValueError(
                "examples: train learns nothing from what is selected, so a second round would know no more "
                f"than the first: with rounds: {self.rounds}, expected selected or both"
            )
        return self

    @property
    def rounds(self) -> int:
        """How often it selects."""
        return 0 if self.round is None else self.round.rounds

    def choose(self, train: tuple[GradedPair, ...], selected: tuple[GradedPair, ...]) -> Examples:
        """What this stage trains on, if that is graded pairs."""
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
