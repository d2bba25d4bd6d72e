"""How one stage is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:  # a config alone needs no torch
    from darl.objectives.base import Objective

TOGETHER = 4
"""Pairs of one query in a step, where the objective compares them and nothing else is asked for."""


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

    def together(self, objective: Objective) -> int:
        """Pairs of one query that stay together."""
        return self.items_per_query or (TOGETHER if objective.compares_items else 1)

    def faults(self, objective: Objective) -> list[str]:
        """Why an objective cannot be trained so, each as a sentence; empty where it can."""
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
