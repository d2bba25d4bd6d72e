"""Attention over a packed row, for any decoder that takes its attention from transformers' registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from darl.models.packing import Packing, SharedPrefix, pack

NAME = "darl_packed"
# Configuration values that say how far a token sees.
WINDOWS = ("sliding_window", "attention_chunk_size")
# Right decoders were within 4e-6 when it was chosen, wrong ones beyond 2e-2.
TOLERANCE = 1e-4


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # the packing says who sees whom
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,  # noqa: ANN401
) -> tuple[Tensor, None]:
    """Every text's own tokens over all its tokens.

    Args:
        module: The layer; its keys and values of the shared prefix are kept under it.
        query: (1, H, T, d).
        key: (1, H_kv, T, d), H_kv a divisor of H.
        value: (1, H_kv, T, d).
        attention_mask: Not read.
        dropout: Of attention weights.
        scaling: Of query-key products; None = 1 / sqrt(d).
        packing: Where the texts are in the row.
        sliding_window: A token sees so many tokens, itself included; None = all before it.
        softcap: c of products <- c tanh(products / c), or None.
        s_aux: Attention sinks; not supported.

    Returns:
        (1, T, H, d), and no weights.

    Raises:
        NotImplementedError: There is no packing, or there are sinks.
    """
    if packing is None or s_aux is not None:
        raise NotImplementedError("expected a packed row and attention without sinks")
    queries = query[0].transpose(0, 1)
    keys, values = _with_prefix(module, packing, key[0].transpose(0, 1), value[0].transpose(0, 1))
    outputs = []
    for number, block in enumerate(packing.blocks):
        parts = (_rows(queries, block.queries), _rows(keys, block.keys), _rows(values, block.keys))
        mask = packing.mask(number, sliding_window)
        seen = _attend(*parts, mask, dropout, scaling, softcap).transpose(1, 2)
        outputs.append(seen.reshape(-1, *queries.shape[1:]).index_select(0, block.own))
    return torch.cat(outputs).index_select(0, packing.back).unsqueeze(0), None


def _rows(states: Tensor, places: Tensor) -> Tensor:
    """(T, H, d) states at (b, S) places -> (b, H, S, d)."""
    return states.index_select(0, places.flatten()).view(*places.shape, *states.shape[1:]).transpose(1, 2)


def _with_prefix(module: nn.Module, packing: Packing, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    prefix = packing.prefix
    if prefix is None:
        return keys, values
    if packing.has_prefix:
        # Clones: a view would keep the whole first row.
        prefix.states[module] = keys[: prefix.length].clone(), values[: prefix.length].clone()
        return keys, values
    before = prefix.states[module]
    return torch.cat((before[0], keys)), torch.cat((before[1], values))


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    dropout: float,
    scaling: float | None,
    softcap: float | None,
) -> Tensor:
    groups = query.shape[1] // key.shape[1]
    if softcap is None and query.device.type == "cpu":
        return attend(query, key, value, mask, dropout, scaling, grouped=groups > 1)
    # A GPU has no fused kernel for a mask and grouped heads together.
    key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
    if softcap is None:
        return F.scaled_dot_product_attention(query, key, value, mask, dropout, scale=scaling)
    products = query @ key.transpose(2, 3) * (scaling or query.shape[-1] ** -0.5)
    products = (softcap * torch.tanh(products / softcap)).masked_fill(~mask, -torch.inf)
    weights = torch.softmax(products, dim=-1, dtype=torch.float32).to(query.dtype)
    return F.dropout(weights, dropout) @ value


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout: float,
    scaling: float | None,
    grouped: bool = False,
) -> Tensor:
    """Attention as torch has it; on a processor in float32 where there will be gradients.

    The way back in bfloat16 takes ten times as long there (torch 2.13), and more than the rest of a step.
    """
    how: dict[str, Any] = {"dropout_p": dropout, "scale": scaling, "enable_gqa": grouped}
    if query.device.type == "cpu" and query.dtype != torch.float32 and query.requires_grad:
        wide = F.scaled_dot_product_attention(query.float(), key.float(), value.float(), mask, **how)
        return wide.to(query.dtype)
    return F.scaled_dot_product_attention(query, key, value, mask, **how)


def run_packed(body: nn.Module, packing: Packing) -> Tensor:
    """(T, D) last hidden states of a packed row."""
    with packing.around():
        hidden: Tensor = body(
            input_ids=packing.tokens.unsqueeze(0),
            position_ids=packing.positions.unsqueeze(0),
            use_cache=False,
            packing=packing,
        ).last_hidden_state
    return hidden[0]


def use_packing(body: PreTrainedModel, max_length: int) -> bool:
    """Make a decoder read packed rows, if it then says of every token what it says of it in its text alone.

    That is tried, in float32, with texts that share beginnings, over two rows with one prefix, and, where
    the configuration speaks of a window that is shorter than `max_length`, with a text that is longer than
    the window. A decoder that fails (other mixers than attention, attention code of its own) is left as it
    was.
    """
    config = body.config.get_text_config()
    windows = [getattr(config, name, None) for name in WINDOWS]
    longest = max((one + 8 for one in windows if isinstance(one, int) and one < max_length), default=24)
    ids = [(7 * i + 3) % config.vocab_size for i in range(longest)]
    texts = [ids, ids[:20], [*ids[:9], *ids[3:9]], [*ids[:9], *ids[2:13]], [*ids[:6], ids[9]]]
    before = config._attn_implementation
    agrees = False
    try:
        with exact(body):
            agrees = _agree(body, [texts[:2], texts[2:]])
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
        pass
    if not agrees:
        config._attn_implementation = before
    return agrees


def read_packed(body: PreTrainedModel) -> None:
    """Make a decoder read packed rows without trying whether that is right."""
    body.config.get_text_config()._attn_implementation = NAME


@contextmanager
def exact(body: PreTrainedModel) -> Iterator[None]:
    """A block in which the weights are float32 and dropout rests: in bfloat16 a leak drowns in rounding."""
    own = {weight: weight.data for weight in body.parameters()}
    training = body.training
    body.train(False)
    try:
        for weight, data in own.items():
            weight.data = data.float()
        yield
    finally:
        for weight, data in own.items():
            weight.data = data
        body.train(training)


@torch.inference_mode()
def _agree(body: PreTrainedModel, rows: list[list[list[int]]]) -> bool:
    def alone(text: list[int]) -> Tensor:
        hidden: Tensor = body(input_ids=torch.tensor([text], device=body.device), use_cache=False)[0]
        return hidden[0]

    expected = [[alone(text) for text in texts] for texts in rows]
    read_packed(body)
    prefix = SharedPrefix(4)
    received, wanted = [], []
    for texts, states in zip(rows, expected, strict=True):
        packing = pack(texts, body.device, prefix)
        received.append(run_packed(body, packing))
        places = zip(packing.texts.tolist(), packing.positions.tolist(), strict=True)
        wanted.append(torch.stack([states[text][place] for text, place in places]))
    right = torch.cat(wanted)
    # Measured against what tells tokens apart: a few huge features that all share would hide an error.
    error = (torch.cat(received) - right).norm(dim=1) / (right - right.mean(dim=0)).norm(dim=1)
    return bool((error <= TOLERANCE).all())


ALL_ATTENTION_FUNCTIONS.register(NAME, packed_attention)
