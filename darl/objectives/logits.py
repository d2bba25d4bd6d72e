"""Logits in a type that a loss fits in, and logarithms that stay finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def widened(logits: Tensor) -> Tensor:
    """Half-precision logits as float32, as their own type is too narrow for a loss; others as they are."""
    return logits.float() if logits.dtype in HALF else logits


def log_misses(logits: Tensor) -> Tensor:
    """(B, K) log(1 - p_k), p = softmax(logits): <= 0, and finite where the logits' differences are.

    It is the log of the other grades' summed probability: 1 - p_k is 0 as soon as p_k rounds to 1.
    """
    log_probs = logits.log_softmax(dim=-1)
    own = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
    others = log_probs[:, None, :].masked_fill(own, -math.inf)
    return others.logsumexp(dim=-1).clamp(max=0)  # rounding may go above
