"""Inputs in windows, so that tokens of millions are never held at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from darl.models.prompt import Tokens

T = TypeVar("T")

WINDOW = 16_384
"""Pairs that are sorted, tokenised and held at a time."""


def windows(
    inputs: Sequence[T], encode: Callable[[Sequence[T]], list[Tokens]]
) -> Iterator[tuple[int, list[Tokens]]]:
    """Tokens of the inputs, a window at a time; the next one is tokenised while this one is read."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(encode, inputs[:WINDOW])
        for start in range(0, len(inputs), WINDOW):
            texts = coming.result()
            coming = thread.submit(encode, inputs[start + WINDOW : start + 2 * WINDOW])
            yield start, texts
