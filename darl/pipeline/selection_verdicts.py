"""What a study of selection says of each strategy: never below random, and with half of its labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from darl.pipeline.selection_rows import NONE, POOL, RIVAL, Gain, mark


def strategies_of(gains: Sequence[Gain]) -> list[str]:
    """The strategies that are compared with random selection, as they came."""
    return [one for one in dict.fromkeys(gain.strategy for gain in gains) if one not in (NONE, POOL, RIVAL)]


def against_random(gains: Sequence[Gain], metrics: Sequence[str]) -> list[list[str]]:
    """A row for each experiment and strategy: in how many cells it is significantly above random, and below.

    A cell is a budget on a slice by a metric; means over budgets are not counted. Rows: experiment, strategy,
    cells, above, below, which are below.
    """
    rows = []
    for experiment, strategy, own in _each(gains):
        cells = [one for one in own if one.budget is not None and one.metric in metrics]
        below = [one for one in cells if one.mark == "▼"]
        above = sum(one.mark == "▲" for one in cells)
        named = "; ".join(
            f"{one.metric} on {one.slice}, {one.budget} {_difference(one.gain, one.gain_low, one.gain_high)}"
            for one in below
        )
        rows.append([experiment, strategy, str(len(cells)), str(above), str(len(below)), named])
    return rows


def with_half(gains: Sequence[Gain], metric: str) -> tuple[list[str], list[list[str]]]:
    """Of every strategy the metric out of distribution, less that of twice as many random labels.

    Returns:
        The headings of the budgets, and rows: experiment, strategy, the mean over budgets, each budget.
    """
    chosen = [one for one in gains if one.metric == metric and one.half is not None]
    budgets = sorted({one.budget for one in chosen if one.budget is not None})
    rows = []
    for experiment, strategy, own in _each(chosen):
        last = list(dict.fromkeys(one.slice for one in own))[-1]
        at = {one.budget: one for one in own if one.slice == last}
        rows.append([experiment, strategy, *(_half(at.get(budget)) for budget in (None, *budgets))])
    return [f"{budget:,} to {2 * budget:,}" for budget in budgets], rows


def _each(gains: Sequence[Gain]) -> Iterator[tuple[str, str, list[Gain]]]:
    for experiment in dict.fromkeys(one.experiment for one in gains):
        here = [one for one in gains if one.experiment == experiment]
        for strategy in strategies_of(here):
            yield experiment, strategy, [one for one in here if one.strategy == strategy]


def _half(one: Gain | None) -> str:
    if one is None or one.half is None:
        return "-"
    return _difference(one.half, one.half_low, one.half_high) + mark(one.half_low, one.half_high)


def _difference(value: float | None, low: float | None, high: float | None) -> str:
    return f"{value:+.3f}" if low is None else f"{value:+.3f} [{low:.3f}, {high:.3f}]"
