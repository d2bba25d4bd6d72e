"""How likely a causal LM finds a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from darl.models.llm import Batch
from darl.models.prompt import Tokens
from darl.models.views import mean_by_text, token_states
from darl.models.vocabulary import Vocabulary


def mean_log_likelihood(
    vocabulary: Vocabulary, weight: Tensor, body: nn.Module, texts: Sequence[Tokens], batch: Batch
) -> Tensor:
    """(B, 1) mean log-probability of a text's tokens of segment 1, each after all that stand before it; <= 0.

    A text's very first token has nothing before it and is not counted; a text of which no token counts has 0.

    Args:
        vocabulary: Of the LM.
        weight: (V, D) its matrix.
        body: The LM's decoder.
        texts: B texts, with segments.
        batch: The same, as the body reads them.
    """
    states, places = token_states(body, texts, batch)
    counted = [np.flatnonzero(np.asarray(text["segments"])[1:] == 1) + 1 for text in texts]
    each = list(zip(places, counted, strict=True))
    # What texts begin with in common is as likely in each of them.
    _, first, back = np.unique(
        np.concatenate([row[at] for row, at in each]), return_index=True, return_inverse=True
    )
    before = np.concatenate([row[at - 1] for row, at in each])[first]
    ids = [np.asarray(text["input_ids"], np.int64)[at] for text, at in zip(texts, counted, strict=True)]
    tokens = np.concatenate(ids)[first]

    def tensor(array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array).to(states.device)

    found = vocabulary.log_probs(weight, states[tensor(before)], tensor(tokens))
    return mean_by_text(found[tensor(back)].unsqueeze(-1), [len(at) for at in counted])
