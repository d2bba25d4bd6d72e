"""Texts that are read apart: each distinct one once, whatever pairs it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from darl.models.encoder import QUERY, ApartPooling, compare
from darl.models.packing import Ids, Matrix
from darl.models.prompt import Tokens
from darl.vectors import Vectors

COMPARED = 2048
"""Pairs that are compared at a time: their features are four times as wide as a reading."""


class Readings(Protocol):
    """Readings of texts that were read before, by the same weights; threads may share it."""

    def find(self, texts: Sequence[Ids]) -> dict[int, Vectors]:
        """By place among the texts, (D,) the readings that are there."""

    def keep(self, texts: Sequence[Ids], readings: Vectors) -> None:
        """Told of (n, D) readings of n texts that were not there."""


@dataclass(frozen=True)
class Sides:
    """The distinct texts of N pairs, queries first.

    Attributes:
        texts: Token ids of U texts.
        n_queries: How many of them are queries.
        places: (2, N) which of them is each pair's query, and its item.
    """

    texts: list[Ids]
    n_queries: int
    places: Matrix

    @classmethod
    def of(cls, texts: Sequence[Tokens]) -> Sides:
        """Of pairs as `EncoderPrompt.encode` gives them, read apart."""
        cuts = [text["segments"].count(QUERY) for text in texts]
        known: dict[tuple[int, ...], int] = {}
        queries = [
            known.setdefault(tuple(text["input_ids"][:cut]), len(known))
            for text, cut in zip(texts, cuts, strict=True)
        ]
        n_queries = len(known)
        items = [
            known.setdefault(tuple(text["input_ids"][cut:]), len(known))
            for text, cut in zip(texts, cuts, strict=True)
        ]
        return cls(list(map(list, known)), n_queries, np.array([queries, items], np.int64))

    def costs(self) -> Matrix:
        """(N,) tokens of each pair's texts that stand in no earlier pair."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts))
        by_pair = self.places.T.ravel()
        first = np.unique(by_pair, return_index=True)[1]
        costs = np.zeros(len(by_pair), np.int64)
        costs[first] = lengths[by_pair[first]]
        total: Matrix = costs.reshape(-1, 2).sum(axis=1)
        return total

    def plan(self, to_read: Sequence[int], tokens: int, padded: bool) -> list[list[int]]:
        """Texts in batches of at most `tokens` (at least one text each), queries first, then longest first.

        Args:
            to_read: Which of them.
            tokens: Of a forward pass; with padding, where texts are padded.
            padded: Whether they are.
        """
        order = sorted(to_read, key=lambda text: (text >= self.n_queries, -len(self.texts[text])))
        batches: list[list[int]] = []
        longest = total = 0
        for text in order:
            length = len(self.texts[text])
            longest, total = max(longest, length), total + length
            taken = longest * (len(batches[-1]) + 1) if padded and batches else total
            if batches and taken <= tokens:
                batches[-1].append(text)
            else:
                batches.append([text])
                longest = total = length
        return batches


def read_apart(
    pooling: ApartPooling,
    body: nn.Module,
    texts: Sequence[Tokens],
    width: int,
    tokens: int,
    known: Readings | None = None,
) -> Iterator[tuple[list[int], Tensor]]:
    """Places of pairs and their (b, 4 D) features, until all of N pairs have theirs.

    Every distinct text is read once. All readings are held meanwhile: at most half as many numbers as the
    pairs' features have.

    Args:
        pooling: Reads and compares.
        body: The encoder.
        texts: N pairs as `EncoderPrompt.encode` gives them.
        width: D.
        tokens: Of a forward pass.
        known: Readings that are there already; it is told of the new ones.
    """
    sides = Sides.of(texts)
    found = {} if known is None else known.find(sides.texts)
    readings = torch.zeros(len(sides.texts), width, device=next(body.parameters()).device)
    if found:
        readings[list(found)] = torch.from_numpy(np.stack(list(found.values()))).to(readings.device)
    # A text without any token stays 0.
    to_read = [text for text, ids in enumerate(sides.texts) if ids and text not in found]
    batches = sides.plan(to_read, tokens, padded=not pooling.in_rows)
    when = np.zeros(len(sides.texts), np.int64)
    for number, batch in enumerate(batches):
        when[batch] = number
    complete = when[sides.places].max(axis=0)
    for number, batch in enumerate(batches or [[]]):
        if batch:
            some = [sides.texts[text] for text in batch]
            readings[batch] = new = pooling.read(body, some)
            if known is not None:
                known.keep(some, new.cpu().numpy())
        rows = np.flatnonzero(complete == number)
        for start in range(0, len(rows), COMPARED):
            some_rows = rows[start : start + COMPARED]
            query, item = torch.from_numpy(sides.places[:, some_rows]).to(readings.device)
            yield some_rows.tolist(), compare(readings[query], readings[item])
