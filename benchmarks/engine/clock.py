"""Time: of a call, of contenders in turn, and of the whole benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch

Result = TypeVar("Result")
_BEGAN = time.perf_counter()


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    seconds = int(time.perf_counter() - _BEGAN)
    print(f"[{seconds // 60:3d}:{seconds % 60:02d}] {text}", flush=True)


def synchronise() -> None:
    """Wait until the GPU has done what it was told; nothing to wait for without one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Wall seconds of a call, all of its GPU work included, and what it returned."""
    synchronise()
    began = time.perf_counter()
    result = call()
    synchronise()
    return time.perf_counter() - began, result


def in_turn(
    calls: Mapping[str, Callable[[], Result]], rounds: int, told: Callable[[str, float], None]
) -> tuple[dict[str, list[float]], dict[str, Result]]:
    """Run contenders in turn: A B C, B C A, C A B, ... so that none is always first or after the same rest.

    Args:
        calls: What each does.
        rounds: How often each does it.
        told: Hears a name and its seconds.

    Returns:
        Seconds of each round and the last result, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    results: dict[str, Result] = {}
    for number in range(rounds):
        for name in rotated(list(calls), number):
            seconds, results[name] = timed(calls[name])
            times[name].append(seconds)
            told(name, seconds)
    return times, {name: results[name] for name in calls}


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The names, beginning with another one each round.

    >>> rotated(["a", "b", "c"], 1)
    ['b', 'c', 'a']
    """
    start = by % len(names) if names else 0
    return [*names[start:], *names[:start]]
