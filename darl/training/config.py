"""How one stage is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

if TYPE_CHECKING:  # a config alone needs no torch
    from darl.objectives.base import Objective

TOGETHER = 4
"""Pairs of one query in a step, where the objective compares them and nothing else is asked for."""


# Keys that older stages were written without, and what they then meant; the last two are a recipe's stages'.
LATER = {
    "trains": "all",
    "layers": None,
    "objective_weights": None,
    "anchor": None,
    "ema": None,
    "head": "continue",
    "warm": None,
}


class AnchorConfig(BaseModel):
    """What holds a stage near the model that it began with.

    Attributes:
        l2_sp: Strength of the pull in weight space (L2-SP, arXiv 1802.01483).
        kl: Strength of the pull towards what that model says of training pairs (arXiv 1606.09282).
        pairs: In-distribution training pairs a step that `kl` reads, beside those that are learnt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    l2_sp: float = Field(0.0, ge=0)
    kl: float = Field(0.0, ge=0)
    pairs: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _holds(self) -> AnchorConfig:
        if not self.l2_sp and not self.kl:
            raise ValueError("expected l2_sp or kl above 0, received neither")
        return self


class TrainingConfig(BaseModel):
    """Optimisation of one stage: AdamW with linear warm-up and linear decay.

    Attributes:
        epochs: Passes over the stage's examples; 0 leaves the model as it is.
        lr: Peak learning rate of the adapter.
        head_lr: Peak learning rate of the grade head; None = `lr`.
        batch_size: Pairs a step (over all processes).
        micro_batch_size: Pairs a forward pass; gradients of a step's micro-batches are summed. None = all.
        warmup: Share of the steps over which the learning rate rises from 0.
        weight_decay: AdamW's decoupled decay, on the adapter and the head's rows.
        max_grad_norm: Gradients are clipped to this norm.
        patience: Stop after so many epochs without a lower validation loss; None = never.
        items_per_query: Pairs of one query that stay together in a batch, and in a micro-batch that has room
            for them; packed rows compute what they share once, and objectives that compare items need them.
            None = 4 for such objectives, 1 for others.
        gradient_checkpointing: Recompute activations on the way back instead of keeping them: about a third
            more time, a fraction of the memory. For long texts.
        trunk_cache_gb: Disk for the outputs of the layers below the adapter's (adapter.upper_layers), which
            are then computed once and not in every epoch; if it is too little, or 0, they are not kept.
        keep_best: End with the weights of the epoch with the lowest validation loss.
        trains: "all" (adapter and head), or "head": the head alone, so that it fits the features before they
            move (LP-FT, Kumar et al., "Fine-tuning can distort pretrained features and underperform
            out-of-distribution", ICLR 2022, arXiv 2202.10054).
        layers: Of the adapter only what is in these layers, from 1, both included; None = all.
        objective_weights: Of a `weighted` objective's terms in this stage; None = the objective's own.
        anchor: What holds the model near the one it began with; None = nothing.
        ema: Decay of a running mean of the weights, which is validated and ended with; None = none is kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(3, ge=0)
    lr: float = Field(4e-4, gt=0)
    head_lr: float | None = Field(None, gt=0)
    batch_size: int = Field(16, ge=1)
    micro_batch_size: int | None = Field(None, ge=1)
    warmup: float = Field(0.1, ge=0, le=1)
    weight_decay: float = Field(0.01, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    patience: int | None = Field(None, ge=1)
    items_per_query: int | None = Field(None, ge=1)
    gradient_checkpointing: bool = False
    trunk_cache_gb: float = Field(8.0, ge=0)
    keep_best: bool = True
    trains: Literal["all", "head"] = "all"
    layers: tuple[int, int] | None = None
    objective_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None
    anchor: AnchorConfig | None = None
    ema: float | None = Field(None, gt=0, lt=1)

    @model_serializer(mode="wrap")
    def _plain_as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Folders and checkpoints are named by what is written here: what a stage does not have is not in it.
        written: dict[str, Any] = write(self)
        return {key: one for key, one in written.items() if key not in LATER or one != LATER[key]}

    @field_validator("layers")
    @classmethod
    def _in_order(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError(f"expected [first, last] with 1 <= first <= last, received {list(value)}")
        return value

    def objective_of(self, objective: Objective) -> Objective:
        """The model's objective as this stage weighs its terms."""
        from darl.objectives.weighted import Weighted

        if self.objective_weights is None or not isinstance(objective, Weighted):
            return objective
        return Weighted(list(objective.terms), list(self.objective_weights))

    def _weight_faults(self, objective: Objective) -> list[str]:
        from darl.objectives.weighted import Weighted

        if self.objective_weights is None:
            return []
        if not isinstance(objective, Weighted):
            return ["objective_weights: the objective has no terms: expected a list of objectives"]
        try:
            self.objective_of(objective)
        except ValueError as error:
            return [f"objective_{error}"]
        return []

    def together(self, objective: Objective) -> int:
        """Pairs of one query that stay together."""
        return self.items_per_query or (TOGETHER if objective.compares_items else 1)

    def faults(self, objective: Objective) -> list[str]:
        """Why an objective cannot be trained so, each as a sentence; empty where it can."""
        if faults := self._weight_faults(objective):
            return faults
        objective = self.objective_of(objective)
        if not objective.sees_grades:
            return ["objective: sees no grades: make it a term beside one that does"]
        if not objective.compares_items:
            return []
        sizes = {name: getattr(self, name) for name in ("items_per_query", "batch_size", "micro_batch_size")}
        return [
            f"{name}: expected at least 2, as the objective compares items of one query, received {size}"
            for name, size in sizes.items()
            if size is not None and size < 2
        ]
