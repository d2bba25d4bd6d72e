"""An encoder as a grader: query and item read together, each pooled by itself, and compared."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel

QUERY, ITEM = 1, 2


class MatchPooling(nn.Module):
    """What the query is, what the item is, and how they differ and agree.

    With u and v the means of the hidden states over the query's and the item's tokens, each scaled to
    length sqrt(D): features = [u, v, |u - v|, u * v]. Both texts are read in one sequence, so u has seen
    the item and v the query; an encoder that was pre-trained to put like texts close (as sentence
    encoders are) brings that knowledge along in |u - v| and u * v, where a single mean over all tokens
    would lose it.

    Reference: the features are those of Conneau et al., "Supervised Learning of Universal Sentence
    Representations", EMNLP 2017, arXiv 1705.02364.
    """

    widening = 4

    def forward(self, body: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """(B, T) tokens -> (B, 4 D) features."""
        inputs = {key: value for key, value in batch.items() if key != "segments"}
        hidden: Tensor = body(**inputs).last_hidden_state.float()
        query, item = (_mean(hidden, batch["segments"] == part) for part in (QUERY, ITEM))
        return torch.cat((query, item, (query - item).abs(), query * item), dim=-1)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of (B, T, D) over the tokens of a (B, T) mask, scaled to length sqrt(D)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
    scaled: Tensor = F.normalize(mean, dim=-1) * hidden.shape[-1] ** 0.5
    return scaled


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
