"""What a study of selection finds, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RIVAL, NONE, POOL = "random", "none", "pool"


@dataclass(frozen=True)
class Gain:
    """What labels chosen by a strategy brought, by one metric on one slice; means over seeds.

    Attributes:
        experiment: Its name.
        slice: A test slice; "ood" for all but the first as one, where there are more than two.
        metric: Its name.
        strategy: Its label; "none" for no labels, "pool" for all of them.
        budget: Labels; None = the mean over all budgets, the area under the learning curve.
        value: The metric.
        low: Lower end of its interval over queries and seeds; None where there is none.
        high: Its upper end.
        by_seed: The value of each seed.
        gain: Less that of random labels of the same budget; None for what has no such rival.
        gain_low: Lower end of its interval, paired by query and seed.
        gain_high: Its upper end.
        half: Less that of twice as many random labels; None where random has no such budget. Of the mean,
            over the budgets that have one.
        half_low: Lower end of its interval, paired by query and seed.
        half_high: Its upper end.
        labels_of_random: How many random labels bring the same value, read off the straight lines between
            random's budgets; None where the largest does not reach it.
        queries: Queries of the chosen pairs, mean over seeds.
        grades: Chosen pairs by the grade they were given, mean over seeds.
    """

    experiment: str
    slice: str
    metric: str
    strategy: str
    budget: int | None
    value: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    half: float | None
    half_low: float | None
    half_high: float | None
    labels_of_random: float | None
    queries: float
    grades: tuple[float, ...]

    @property
    def mark(self) -> str:
        """Whether it is significantly better (▲) or worse (▼) than random."""
        return mark(self.gain_low, self.gain_high)


def mark(low: float | None, high: float | None) -> str:
    """▲ above 0, ▼ below it, nothing where an interval holds 0 or there is none."""
    if low is None or high is None:
        return ""
    return "▲" if low > 0 else "▼" if high < 0 else ""


def labels_for(value: float, budgets: Sequence[int], values: Sequence[float]) -> float | None:
    """The smallest number of labels at which a curve of straight lines reaches a value.

    Args:
        value: What is to be reached.
        budgets: (P,) increasing.
        values: (P,) the curve there.

    Returns:
        None where it is never reached.

    >>> labels_for(0.75, [0, 100, 200], [0.5, 1.0, 1.0])
    50.0
    """
    if values[0] >= value:
        return float(budgets[0])
    for i in range(1, len(values)):
        if values[i] >= value:
            return float(np.interp(value, values[i - 1 : i + 1], budgets[i - 1 : i + 1]))
    return None


def gain_rows(found: Sequence[Gain], metric: str) -> tuple[list[str], list[list[str]]]:
    """The slices that have the metric, and a row for each strategy and budget: values, and less random's."""
    chosen = [one for one in found if one.metric == metric]
    # Not all: a metric may have no meaning on a slice.
    slices = list(dict.fromkeys(one.slice for one in chosen))
    keys = dict.fromkeys((one.strategy, one.budget) for one in chosen)
    at = {(one.strategy, one.budget, one.slice): one for one in chosen}
    rows = []
    for strategy, budget in keys:
        here = {name: at[strategy, budget, name] for name in slices}
        queries = here[slices[0]].queries
        labels = "mean" if budget is None else f"{budget:,}"
        rows.append([strategy, labels, f"{queries:.0f}", *map(_cell, here.values())])
    return slices, rows


def _cell(one: Gain) -> str:
    if one.gain is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} ({one.gain:+.3f}{one.mark})"
