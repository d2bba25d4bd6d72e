"""What the Markdown pages of studies share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from darl.evaluation.numerals import count, interval, number, percent, signed


def how_made(
    command: str, machines: Sequence[Mapping[str, Any]], level: float, resamples: int
) -> Iterator[str]:
    """Lines that say how a study was asked for, on what it ran, and how its numbers are to be read.

    Args:
        command: As it was typed; "" leaves that out.
        machines: Where each experiment ran, see environment.py.
        level: Of the intervals.
        resamples: Of queries and seeds.
    """
    if command:
        yield from ("", "```sh", command, "```")
    yield from ("", *dict.fromkeys(map(machine_words, machines)))
    yield ""
    yield (
        f"Values are means over seeds. In brackets: {percent(level)} intervals over {count(resamples)} "
        "resamples of queries and seeds; those of differences are paired by both. **Bold**, with ▲ (better) "
        "or ▼ (worse): the interval of the difference leaves out 0. Each comparison stands alone: "
        f"{percent(1 - level)} of them would come out so by chance."
    )


def machine_words(found: Mapping[str, Any]) -> str:
    """What an experiment ran on, as a line."""
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, {found['torch_threads']} torch thread(s); "
        f"Python {found['python']}, {packages}."
    )


def spread(value: float | None, low: float | None, high: float | None) -> str:
    """A value with its interval.

    >>> spread(0.5, 0.4, 0.6)
    '0.500 [0.400, 0.600]'
    """
    return f"{number(value)} {interval(low, high)}".rstrip()


def difference(value: float, low: float | None, high: float | None, mark: str) -> str:
    """A difference with its interval, bold where it has a mark.

    >>> difference(0.02, 0.01, 0.03, "▲")
    '**+0.020 [0.010, 0.030] ▲**'
    """
    text = f"{signed(value)} {interval(low, high)}".rstrip()
    return f"**{text} {mark}**" if mark else text


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
