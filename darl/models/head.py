"""The grade head: from the backbone's features to an objective's logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GradeHead(nn.Module):
    """logits = W features + b, in float32, squashed as the LM squashes its own logits where it does.

    Args:
        weight: (n_logits, D) starting rows: an LM head's rows of the grade words, or zeros.
        bias: (n_logits,) starting bias.
        softcap: c of logits <- c tanh(logits / c) (Gemma 2), or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor, softcap: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone().float())
        self.bias = nn.Parameter(bias.detach().clone().float())
        self.softcap = softcap

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) features -> (B, n_logits)."""
        return softcapped(nn.functional.linear(features.float(), self.weight, self.bias), self.softcap)


def softcapped(logits: Tensor, softcap: float | None) -> Tensor:
    """The logits, squashed to c tanh(logits / c) where there is such a c."""
    return logits if softcap is None else softcap * torch.tanh(logits / softcap)
