"""An encoder as a grader: query and item read together, the mean of the hidden states."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel


class MeanToken(nn.Module):
    """The mean of the hidden states over each text's own tokens."""

    def forward(self, body: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """(B, T) tokens -> (B, D) features."""
        hidden: Tensor = body(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


def load_encoder(folder: Path, dtype: torch.dtype, trust_remote_code: bool) -> PreTrainedModel:
    """The encoder in `folder`, without any head and without its own dropout.

    Its weights are frozen, so there is nothing in it to regularise; the adapter has a dropout of its own.
    """
    body: PreTrainedModel = AutoModel.from_pretrained(
        folder, dtype=dtype, trust_remote_code=trust_remote_code, local_files_only=True
    )
    for module in body.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return body
