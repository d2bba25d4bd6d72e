"""Whole texts side by side in one row, without padding, for encoders.

    text a          text b       text c
    [0 1 2 3 4 5]   [0 1 2 3]    [0 1 2]        <- positions

Every linear map and norm runs over exactly the tokens there are; attention goes over each text by itself,
in blocks of texts of similar length. An encoder's token sees what comes after it, so that texts which begin
alike share nothing (for decoders see packing.py). That is exact, up to rounding, for encoders whose tokens
meet only in attention and know their place only by `position_ids`; `use_rows` finds out by trying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from darl.models.packed_attention import TOLERANCE, attend, exact
from darl.models.packing import Ids, Matrix, attention_parts

NAME = "darl_side_by_side"


@dataclass(frozen=True)
class Block:
    """Texts that follow each other in the row, and whose attention is computed in one call.

    Attributes:
        start: Place of their first token in the row.
        size: How many tokens they have together.
        places: (b, S) places in the row of each text's tokens; padded with any.
        own: (size,) which of the b * S cells are no padding; None = all.
        mask: (b, 1, 1, S) which cells a token sees; None = all.
    """

    start: int
    size: int
    places: Tensor
    own: Tensor | None
    mask: Tensor | None

    def gather(self, states: Tensor) -> Tensor:
        """(T, H, d) states -> (b, H, S, d)."""
        if self.own is None:
            chosen = states[self.start : self.start + self.size]
        else:
            chosen = states.index_select(0, self.places.flatten())
        return chosen.reshape(*self.places.shape, *states.shape[1:]).transpose(1, 2)

    def scatter(self, seen: Tensor) -> Tensor:
        """(b, H, S, d) -> (size, H, d)."""
        rows = seen.transpose(1, 2).flatten(0, 1)
        return rows if self.own is None else rows.index_select(0, self.own)


@dataclass(frozen=True)
class Row:
    """B texts of T tokens together, the longest first.

    Attributes:
        tokens: (T,) token ids.
        positions: (T,) place of each token in its text.
        lengths: (B,) tokens of each text, in the row's order.
        back: (B,) for each text as it was given its place in that order.
        blocks: How attention goes over the row.
    """

    tokens: Tensor
    positions: Tensor
    lengths: Tensor
    back: Tensor
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, texts: Sequence[Ids], device: torch.device | str = "cpu") -> Row:
        """Lay B >= 1 texts out, none empty."""
        given = np.fromiter(map(len, texts), np.int64, len(texts))
        parts = attention_parts(given, np.zeros_like(given))
        order = [text for part in parts for text in part]
        lengths = given[order]
        starts = np.cumsum(lengths) - lengths
        ends = np.cumsum([len(part) for part in parts])
        rows = [np.arange(end - len(part), end) for end, part in zip(ends.tolist(), parts, strict=True)]
        tokens = np.fromiter((token for text in order for token in texts[text]), np.int64, int(lengths.sum()))
        return cls(
            torch.from_numpy(tokens).to(device),
            torch.from_numpy(np.arange(len(tokens)) - np.repeat(starts, lengths)).to(device),
            torch.from_numpy(lengths).to(device),
            torch.from_numpy(np.argsort(order)).to(device),
            tuple(_block(starts[one], lengths[one], device) for one in rows),
        )

    @property
    def texts(self) -> Tensor:
        """(T,) the text that each token belongs to, as they were given."""
        return torch.argsort(self.back).repeat_interleave(self.lengths)

    def means(self, states: Tensor) -> Tensor:
        """(T, D) float32 states -> (B, D) means over each text's tokens, in the order they were given."""
        means = torch.segment_reduce(states, "mean", lengths=self.lengths)
        return means.index_select(0, self.back)


def _block(starts: Matrix, lengths: Matrix, device: torch.device | str) -> Block:
    place = np.arange(lengths.max())
    real = place < lengths[:, None]
    places = torch.from_numpy(starts[:, None] + np.where(real, place, 0)).to(device)
    start, size = int(starts[0]), int(lengths.sum())
    if real.all():
        return Block(start, size, places, None, None)
    own = torch.from_numpy(np.flatnonzero(real)).to(device)
    return Block(start, size, places, own, torch.from_numpy(real).to(device)[:, None, None, :])


def attention_by_text(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    row: Row | None = None,
    **more: Any,  # noqa: ANN401
) -> tuple[Tensor, Tensor | None]:
    """Every text's tokens over its tokens; where there is no row, as transformers has it.

    Args:
        module: The layer.
        query: (1, H, T, d).
        key: (1, H, T, d).
        value: (1, H, T, d).
        attention_mask: Not read where there is a row.
        dropout: Of attention weights.
        scaling: Of query-key products; None = 1 / sqrt(d).
        row: Where the texts are.
        more: What the layer gives beside that.

    Returns:
        (1, T, H, d), and no weights.
    """
    if row is None:
        plain = ALL_ATTENTION_FUNCTIONS["sdpa"]
        found: tuple[Tensor, Tensor | None] = plain(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )
        return found
    states = [part[0].transpose(0, 1) for part in (query, key, value)]
    seen = []
    for block in row.blocks:
        q, k, v = (block.gather(part) for part in states)
        seen.append(block.scatter(attend(q, k, v, block.mask, dropout, scaling)))
    return torch.cat(seen).unsqueeze(0), None


def run_row(body: nn.Module, row: Row) -> Tensor:
    """(T, D) last hidden states of a row."""
    hidden: Tensor = body(
        input_ids=row.tokens.unsqueeze(0), position_ids=row.positions.unsqueeze(0), row=row
    ).last_hidden_state
    return hidden[0]


def use_rows(body: PreTrainedModel) -> bool:
    """Make an encoder read rows, if it then says of every token what it says of it in its text alone.

    That is tried, in float32. An encoder that fails (places that are no `position_ids`, attention code of its
    own) is left as it was.
    """
    config = body.config.get_text_config()
    ids = [(7 * i + 3) % config.vocab_size for i in range(24)]
    texts = [ids[3:9], ids, ids[5:11], ids[:17]]
    before = config._attn_implementation
    agrees = False
    try:
        with exact(body):
            agrees = _agrees(body, texts)
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
        pass
    if not agrees:
        config._attn_implementation = before
    return agrees


def read_rows(body: PreTrainedModel) -> None:
    """Make an encoder read rows without trying whether that is right."""
    body.config.get_text_config()._attn_implementation = NAME


@torch.inference_mode()
def _agrees(body: PreTrainedModel, texts: list[Ids]) -> bool:
    expected = [body(input_ids=torch.tensor([ids], device=body.device)).last_hidden_state[0] for ids in texts]
    read_rows(body)
    row = Row.of(texts, body.device)
    received = run_row(body, row)
    order = torch.argsort(row.back).tolist()
    right = torch.cat([expected[text] for text in order])
    # As for decoders: against what tells tokens apart.
    error = (received - right).norm(dim=1) / (right - right.mean(dim=0)).norm(dim=1)
    return bool((error <= TOLERANCE).all())


ALL_ATTENTION_FUNCTIONS.register(NAME, attention_by_text)
ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
