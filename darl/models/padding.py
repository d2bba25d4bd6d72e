"""Texts padded to one length, where a backbone reads no packed rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from darl.models.prompt import Tokens


def pad(texts: Sequence[Tokens], pad_id: int, device: torch.device) -> dict[str, Tensor]:
    """Texts as (B, T) tensors, padded on the right, by what a backbone calls them; with an attention mask."""
    lengths = [len(text["input_ids"]) for text in texts]
    longest = max(lengths)
    fill = {"input_ids": pad_id}
    batch = {
        key: [[*text[key], *[fill.get(key, 0)] * (longest - len(text[key]))] for text in texts]
        for key in texts[0]
    }
    batch["attention_mask"] = [[1] * length + [0] * (longest - length) for length in lengths]
    return {key: torch.tensor(rows, device=device) for key, rows in batch.items()}


def length_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Rows sorted by length, cut into batches of at most `tokens` padded tokens (at least one row each).

    The longest come first, so that a batch that is too large for memory fails at once.
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
