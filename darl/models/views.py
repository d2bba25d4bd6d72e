"""Vectors of pairs and of single texts, from any layer."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from darl.errors import ConfigError
from darl.models.base import FeatureView
from darl.models.llm import Batch
from darl.models.packed_attention import run_packed
from darl.models.packing import Matrix, Packing, tree_places
from darl.models.prompt import CausalPrompt, EncoderPrompt, Tokens
from darl.pairs import Pair


class AtLayer(nn.Module):
    """A body whose last hidden state is that after `layer` layers; not trained through.

    Args:
        body: A transformer.
        layer: From 1 to the number of its layers.

    Raises:
        ConfigError: It has no such layer.
    """

    def __init__(self, body: nn.Module, layer: int) -> None:
        super().__init__()
        n_layers = body.config.get_text_config().num_hidden_layers  # type: ignore[union-attr, operator]
        if layer > n_layers:
            raise ConfigError("features", [f"expected a layer from 1 to {n_layers}, received @{layer}"])
        self.body, self.layer = body, layer

    def forward(self, **inputs: Any) -> SimpleNamespace:  # noqa: ANN401 # what the body takes
        """What the body gives, cut off above the layer."""
        states = self.body(**inputs, output_hidden_states=True).hidden_states
        return SimpleNamespace(last_hidden_state=states[self.layer])


def body_at(body: nn.Module, layer: int | None) -> nn.Module:
    """The body, read after a layer."""
    return body if layer is None else AtLayer(body, layer)


def text_of(prompt: CausalPrompt | EncoderPrompt, pair: Pair, view: FeatureView) -> str:
    """The one text of a pair that a view is of."""
    return pair.query if view.text == "query" else prompt.template.body_of(pair)


def mean_over_text(body: nn.Module, texts: Sequence[Tokens], batch: Batch) -> Tensor:
    """(B, D) mean state over the tokens whose segment is 1; 0 for a text without any.

    Args:
        body: A transformer.
        texts: B texts, with segments.
        batch: The same, as the body reads them.
    """
    states, places = token_states(body, texts, batch)
    own = [np.flatnonzero(np.asarray(text["segments"]) == 1) for text in texts]
    # Only the texts' own tokens are gathered: of short texts a row holds thousands.
    rows = np.concatenate([row[at] for row, at in zip(places, own, strict=True)])
    return mean_by_text(states[torch.from_numpy(rows).to(states.device)].float(), [len(at) for at in own])


def token_states(body: nn.Module, texts: Sequence[Tokens], batch: Batch) -> tuple[Tensor, Matrix]:
    """(T, D) states of a batch's tokens, and (B, S) the row of each text's each token; padded with any.

    Texts that begin with the same tokens may have the same rows there.
    """
    if isinstance(batch, Packing):
        return run_packed(body, batch), tree_places([text["input_ids"] for text in texts])
    states = body(**{key: value for key, value in batch.items() if key != "segments"}).last_hidden_state
    places = np.arange(states.shape[0] * states.shape[1]).reshape(states.shape[:2])
    return states.flatten(0, 1), places


def mean_by_text(rows: Tensor, lengths: Sequence[int]) -> Tensor:
    """(B, D) means over (T, D) rows, which belong to B texts, so many each; 0 for a text without any."""
    sizes = torch.tensor(lengths, device=rows.device)
    total = torch.segment_reduce(rows, "sum", lengths=sizes, initial=0.0)
    return total / sizes.clamp(min=1).unsqueeze(-1)


def distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Each text once, and for each given text its place among them.

    >>> distinct(["b", "a", "b"])
    (['b', 'a'], [0, 1, 0])
    """
    place: dict[str, int] = {}
    places = [place.setdefault(text, len(place)) for text in texts]
    return list(place), places
