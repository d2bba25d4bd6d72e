"""What a study of objectives finds, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darl.pipeline.study import MARKS

RIVAL = "softmax"
RESAMPLES, LEVEL = 1000, 0.95


@dataclass(frozen=True)
class Outcome:
    """What an objective brought, by one metric on one slice; means over seeds.

    Attributes:
        experiment: Its name.
        slice: A test slice.
        metric: Its name.
        objective: Its label.
        component: The objective and its arguments.
        value: The metric.
        low: Lower end of its interval over queries and seeds; None where there is none.
        high: Its upper end.
        by_seed: The value of each seed.
        less: Less that of softmax; None for softmax itself.
        less_low: Lower end of its interval, paired by query and seed.
        less_high: Its upper end.
        tone: What the difference means: "better" or "worse" than softmax where its interval leaves out 0,
            "noise" where it does not, "unknown" without an interval; "" for softmax itself.
        pairs: Pairs of the slice.
        queries: Queries of the slice.
    """

    experiment: str
    slice: str
    metric: str
    objective: str
    component: str
    value: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]
    less: float | None
    less_low: float | None
    less_high: float | None
    tone: str
    pairs: int
    queries: int

    @property
    def mark(self) -> str:
        """Whether it is significantly better (▲) or worse (▼) than softmax."""
        return MARKS.get(self.tone, "")


def outcome_rows(found: Sequence[Outcome], metric: str) -> tuple[list[str], list[list[str]]]:
    """The slices that have the metric, and a row for each objective: values, and less softmax's."""
    chosen = [one for one in found if one.metric == metric]
    slices = list(dict.fromkeys(one.slice for one in chosen))
    at = {(one.objective, one.slice): one for one in chosen}
    labels = dict.fromkeys(one.objective for one in chosen)
    return slices, [[label, *(_cell(at[label, name]) for name in slices)] for label in labels]


def _cell(one: Outcome) -> str:
    if one.less is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} ({one.less:+.3f}{one.mark})"
