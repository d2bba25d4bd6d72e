"""Where a stage is, on disk: killed at any moment, it goes on from the last whole checkpoint.

The randomness of a step is a function of the seed and the step's number, so no generator state is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from darl.errors import CheckpointError
from darl.files import whole_file

CHECKPOINT = "checkpoint.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Position:
    """How far a stage is.

    Attributes:
        step: Optimiser steps done in the stage.
        epoch: Epochs done.
        batch: Batches done in the epoch under way.
        best_loss: Lowest validation loss so far; infinity before the first.
        bad_epochs: Epochs since then.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best_loss: float = float("inf")
    bad_epochs: int = 0


def save_checkpoint(
    folder: Path,
    position: Position,
    plan: str,
    weights: Mapping[str, nn.Parameter],
    best: Mapping[str, Tensor],
    mean: Mapping[str, Tensor],
    optimizer: Optimizer,
) -> None:
    """Write one file that holds everything, whole or not at all.

    Args:
        folder: The stage's folder.
        position: How far it is.
        plan: Identity of what is being trained; a checkpoint of another plan is refused.
        weights: The trainable weights by name.
        best: The weights of the best epoch so far.
        mean: The running mean of the weights, if one is kept.
        optimizer: AdamW over those weights.
    """
    tensors = {f"weight/{name}": weight.detach() for name, weight in weights.items()}
    tensors |= {f"best/{name}": weight for name, weight in best.items()}
    tensors |= {f"mean/{name}": weight for name, weight in mean.items()}
    for name, weight in weights.items():
        state = optimizer.state[weight]
        tensors |= {f"{moment}/{name}": state[moment] for moment in MOMENTS if moment in state}
    tensors = {key: value.cpu().contiguous() for key, value in tensors.items()}
    metadata = {"position": json.dumps(asdict(position)), "plan": plan}
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / CHECKPOINT) as temporary:
        save_file(tensors, temporary, metadata=metadata)


@torch.no_grad()
def load_checkpoint(
    folder: Path, plan: str, weights: Mapping[str, nn.Parameter], optimizer: Optimizer
) -> tuple[Position, dict[str, Tensor], dict[str, Tensor]]:
    """Put a checkpoint's weights and moments in place; position, best weights and running mean come back.

    Raises:
        CheckpointError: It is damaged, or of another plan (other data, settings or seed).
    """
    path = folder / CHECKPOINT
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); delete it to start the stage again") from error
    if metadata.get("plan") != plan:
        raise CheckpointError(
            f"{path}: is of a stage with other data, settings or seed; use another --out, or delete it"
        )
    position = Position(**json.loads(metadata["position"]))
    for name, weight in weights.items():
        weight.copy_(tensors[f"weight/{name}"])
        if f"exp_avg/{name}" in tensors:
            moments = {moment: tensors[f"{moment}/{name}"].to(weight.device) for moment in MOMENTS}
            optimizer.state[weight] = {"step": torch.tensor(float(position.step)), **moments}
    best, mean = (
        {key.removeprefix(part): value for key, value in tensors.items() if key.startswith(part)}
        for part in ("best/", "mean/")
    )
    return position, best, mean
