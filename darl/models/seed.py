"""The one place where torch's randomness is seeded."""

from __future__ import annotations

import torch


def seed_torch(seed: int) -> None:
    """Seed torch on every device (adapter initialisation and dropout draw from it)."""
    torch.manual_seed(seed)
