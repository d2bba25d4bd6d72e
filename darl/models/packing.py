"""Many texts in one row, what they share computed once: a token tree without padding.

A causal decoder's state at a token depends on nothing but the tokens before it. So texts that begin alike
(the instruction, then the query, often the first words of the item) share those tokens' states. `pack`
lays the distinct beginnings of B texts out as one row of T tokens, T <= the sum of their lengths:

    instruction  query 1  item a | item b | item c   query 2  item d | item e
    [0 .. 4]     [5 .. 9] [10 ..] [10 ..] [10 ..]    [5 .. 8] [9 ..] [9 ..]      <- positions

Every linear map and norm then runs over exactly T tokens, and each text's attention sees its own tokens and
those of its beginning, wherever in the row they lie. That is exact, up to rounding, for decoders whose
tokens meet only in attention and know their place only by `position_ids`; `packs` finds out by trying.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Ids = list[int]
Matrix = npt.NDArray[np.int64]

# What starting another attention call costs, in cells (query tokens x key tokens) of one.
BLOCK_COST = 4_000
# Keys gathered for one attention call, at most (one text's are always): bounds its memory.
BLOCK_KEYS = 65_536


@dataclass(frozen=True)
class Block:
    """Texts whose attention is computed in one call: as many queries and keys as the longest has, padded.

    Args:
        queries: (b, Q) places in the row of each text's own tokens; padded with any place.
        keys: (b, S) places of all tokens of each text, its beginning included; padded with any place.
            They count from the prefix's first token where the row goes without it.
        shared: (b,) how many of a text's tokens are not its own, but an earlier text's or the prefix's.
        own: (n,) which of the b * Q cells of `queries` are no padding.
    """

    queries: Tensor
    keys: Tensor
    shared: Tensor
    own: Tensor

    def mask(self, window: int | None) -> Tensor:
        """(b, 1, Q, S) True where a token sees a key: not after it, and less than `window` before it."""
        n_queries, n_keys = self.queries.shape[1], self.keys.shape[1]
        place = self.shared[:, None] + torch.arange(n_queries, device=self.keys.device)
        # A padded query counts as the last key's: one that sees no key would turn gradients into NaN.
        place = place.clamp(max=n_keys - 1)
        distance = place[:, :, None] - torch.arange(n_keys, device=self.keys.device)
        seen = distance >= 0 if window is None else (distance >= 0) & (distance < window)
        return seen.unsqueeze(1)


@dataclass
class SharedPrefix:
    """Keys and values of the `length` tokens that all texts of a call begin with, layer by layer.

    They are kept from the first row that is run with it, and read by all later ones.
    """

    length: int
    states: dict[nn.Module, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Packing:
    """One row of tokens that holds B texts.

    Args:
        tokens: (T,) token ids.
        positions: (T,) place of each token in its text.
        last: (B,) place in the row of each text's last token, in the order the texts were given.
        texts: (T,) a text that the token belongs to; `positions` says where in it.
        blocks: How attention goes over the row.
        back: (T,) for each token its place among the blocks' own tokens, block after block.
        prefix: States shared with other rows; None where there are none.
        has_prefix: The row itself holds the prefix's tokens, first.
        around: What a forward pass over the row is wrapped in.
    """

    tokens: Tensor
    positions: Tensor
    last: Tensor
    texts: Tensor
    blocks: tuple[Block, ...]
    back: Tensor
    prefix: SharedPrefix | None
    has_prefix: bool
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    masks: dict[tuple[int, int | None], Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    def mask(self, number: int, window: int | None) -> Tensor:
        """The mask of a block; made once, for all layers."""
        if (number, window) not in self.masks:
            self.masks[number, window] = self.blocks[number].mask(window)
        return self.masks[number, window]


def pack(
    texts: Sequence[Ids], device: torch.device | str = "cpu", prefix: SharedPrefix | None = None
) -> Packing:
    """Lay texts out as one row.

    Args:
        texts: Token ids of B >= 1 texts, none empty.
        device: Where the tensors shall be.
        prefix: What all texts begin with, shorter than any of them. Where it already holds states its
            tokens are left out of the row.
    """
    known = prefix.length if prefix is not None and prefix.states else 0
    tree = _Tree.of(texts, known)
    text, place = np.nonzero(tree.own_mask)
    order = np.asarray(tree.order)
    last = np.empty(len(order), np.int64)
    last[order] = tree.keys[np.arange(len(order)), tree.lengths - 1] - known
    parts = [tree.block(np.asarray(part), known) for part in attention_parts(tree.lengths, tree.shared)]
    own = np.concatenate([queries.flatten()[cells] for queries, _, _, cells in parts])

    def tensor(array: Matrix) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Packing(
        tokens=tensor(tree.matrix[text, place]),
        positions=tensor(place),
        last=tensor(last),
        texts=tensor(order[text]),
        blocks=tuple(Block(*map(tensor, part)) for part in parts),
        back=tensor(np.argsort(own)),
        prefix=prefix,
        has_prefix=not known,
    )


@dataclass(frozen=True)
class _Tree:
    """Sorted texts and where their tokens lie; B texts of at most S tokens.

    `matrix` (B, S) ids, 0-padded; `lengths`, `shared` (B,); `keys` (B, S) place in the row of each token of
    each text, with the prefix.
    """

    order: list[int]
    matrix: Matrix
    lengths: Matrix
    shared: Matrix
    keys: Matrix

    @classmethod
    def of(cls, texts: Sequence[Ids], known: int) -> _Tree:
        order = lexicographic(texts)
        rows = [texts[row] for row in order]
        matrix, lengths = _matrix(rows)
        shared = _shared(matrix, lengths)
        starts = np.cumsum(lengths - shared) - (lengths - shared)
        place = np.arange(matrix.shape[1])
        # A text's token is its own, or that of the last text above it that owns one at the same place.
        above = np.where(place >= shared[:, None], np.arange(len(rows))[:, None], 0)
        owner = np.maximum.accumulate(above, axis=0)
        keys = starts[owner] + place - shared[owner]
        shared[0] = known  # the first text owns the prefix, unless it is left out
        return cls(order, matrix, lengths, shared, keys)

    @property
    def own_mask(self) -> npt.NDArray[np.bool_]:
        """(B, S) which tokens are a text's own."""
        place = np.arange(self.matrix.shape[1])
        return (place >= self.shared[:, None]) & (place < self.lengths[:, None])

    def block(self, rows: Matrix, known: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """The fields of a Block for some texts, where the first `known` tokens are left out of the row."""
        lengths, shared = self.lengths[rows], self.shared[rows]
        own = np.arange((lengths - shared).max())
        real = own < (lengths - shared)[:, None]
        place = np.where(real, shared[:, None] + own, shared[:, None])
        queries = self.keys[rows[:, None], place] - known
        keys = self.keys[rows, : lengths.max()]
        real_keys = np.arange(lengths.max()) < lengths[:, None]
        return queries, np.where(real_keys, keys, 0), shared, np.flatnonzero(real)


def tree_places(texts: Sequence[Ids]) -> Matrix:
    """(B, S) a number of each text's each beginning, the same for equal ones: 0 .. T - 1; padded with any."""
    tree = _Tree.of(texts, 0)
    places = np.empty_like(tree.keys)
    places[tree.order] = np.where(np.arange(tree.keys.shape[1]) < tree.lengths[:, None], tree.keys, 0)
    return places


def lexicographic(texts: Sequence[Ids]) -> list[int]:
    """The order that puts texts beside those that begin alike."""
    return sorted(range(len(texts)), key=texts.__getitem__)


def shared_lengths(texts: Sequence[Ids]) -> Matrix:
    """(B,) how many tokens each of the sorted texts begins with in common with the one before; 0 first."""
    return _shared(*_matrix(texts))


def _shared(matrix: Matrix, lengths: Matrix) -> Matrix:
    shared = np.zeros(len(matrix), np.int64)
    same = np.logical_and.accumulate(matrix[1:] == matrix[:-1], axis=1).sum(axis=1)
    shared[1:] = np.minimum(same, np.minimum(lengths[1:], lengths[:-1]))
    return shared


def _matrix(texts: Sequence[Ids]) -> tuple[Matrix, Matrix]:
    """Texts as (B, S) ids, 0-padded, and their (B,) lengths."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    matrix = np.zeros((len(texts), lengths.max(initial=0)), np.int64)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = np.fromiter(
        chain.from_iterable(texts), np.int64, int(lengths.sum())
    )
    return matrix, lengths


def attention_parts(lengths: Matrix, shared: Matrix) -> list[list[int]]:
    """Texts with tokens of their own, grouped so that padding costs less than further attention calls."""
    own = lengths - shared
    rows = sorted(np.flatnonzero(own).tolist(), key=lambda row: (-own[row], -lengths[row]))
    parts: list[list[int]] = []
    longest = useful = 0
    for row in rows:
        longest, useful = max(longest, lengths[row]), useful + own[row] * lengths[row]
        keys = longest * (len(parts[-1]) + 1) if parts else 0
        if parts and keys <= BLOCK_KEYS and own[parts[-1][0]] * keys - useful <= BLOCK_COST:
            parts[-1].append(row)
        else:
            parts.append([row])
            longest, useful = lengths[row], own[row] * lengths[row]
    return parts


def row_plan(texts: Sequence[Ids], tokens: int) -> list[list[int]]:
    """Which texts to lay out together: texts that begin alike, at most about `tokens` distinct tokens a row.

    A row ends where the next text shares the least with the one before, if that is in the row's last
    quarter: what two rows share is computed twice.
    """
    order = lexicographic(texts)
    matrix, lengths = _matrix([texts[row] for row in order])
    shared = _shared(matrix, lengths)
    total = np.concatenate(([0], np.cumsum(lengths - shared)))
    rows: list[list[int]] = []
    start = 0
    while start < len(order):
        # A row's first text is computed whole.
        room = tokens - shared[start]
        end = max(start + 1, int(np.searchsorted(total, total[start] + room, side="right")) - 1)
        earliest = max(start + 1, int(np.searchsorted(total, total[start] + room * 3 // 4)))
        if earliest < end < len(order):
            end -= int(shared[earliest : end + 1][::-1].argmin())
        rows.append(order[start:end])
        start = end
    return rows


def shared_prefix(texts: Sequence[Ids]) -> SharedPrefix | None:
    """What all texts begin with, at least a token short of the shortest; None where that is nothing."""
    first, last = min(texts), max(texts)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    length = min(length, min(map(len, texts)) - 1)
    return SharedPrefix(length) if length > 0 else None
