"""Whether a candidate may take the current model's place: not where it harms a slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from darl.evaluation.comparison import LEAST_QUERIES, Both, difference_dict, differences, with_domains
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import interval, listed, signed
from darl.evaluation.rows import Difference
from darl.grades import GradeScale


class GateRule(BaseModel):
    """A candidate is refused where a slice falls significantly, and by more than is tolerated.

    A slice falls if the interval of candidate - current, under the same resamples of its queries, leaves out
    0 on the wrong side, and the difference itself is larger than `harm`. Slices are what validation has, and
    of each its domains. Every slice is one more chance to be refused by luck: where nothing differs, about
    (1 - level) / 2 of them fall.

    Attributes:
        metric: What must not fall, a metric's name.
        harm: How far a slice may fall, in units of the metric; 0 tolerates no significant fall.
        level: Of the intervals.
        least_queries: A domain with fewer queries is not asked by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metric: str = "macro_f1"
    harm: float = Field(0.0, ge=0)
    level: float = Field(0.95, gt=0, lt=1)
    least_queries: int = Field(LEAST_QUERIES, ge=2)


class GateDecision(NamedTuple):
    """Whether a candidate is promoted, and why.

    Attributes:
        promoted: Whether it takes the current model's place.
        reason: In a sentence.
        rows: Candidate minus current in the rule's metric, a row a slice.
        fallen: The slices that fell.
    """

    promoted: bool
    reason: str
    rows: tuple[Difference, ...]
    fallen: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        rows = [difference_dict(one) for one in self.rows]
        return {**self._asdict(), "rows": rows, "fallen": list(self.fallen)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> GateDecision:
        """What `as_dict` gave."""
        rows = tuple(
            Difference(**{key: value for key, value in one.items() if key != "significant"})
            for one in fields["rows"]
        )
        return cls(fields["promoted"], fields["reason"], rows, tuple(fields["fallen"]))


def gate(
    slices: Mapping[str, Both],
    rule: GateRule,
    scale: GradeScale,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> GateDecision:
    """Ask a rule whether a candidate takes the current model's place.

    Args:
        slices: What both models say of validation pairs, by slice.
        rule: What is tolerated.
        scale: The grades.
        rng: Draws the resamples.
        resamples: How many.
    """
    metric = metrics_for(scale)[rule.metric]
    parts = with_domains(slices, rule.least_queries)
    rows = tuple(differences(parts, scale, [metric], rng, resamples, rule.level))
    fallen = [one for one in rows if _falls(one, rule.harm, metric.larger_is_better)]
    names = tuple(one.slice for one in fallen)
    return GateDecision(not fallen, _reason(rule, rows, fallen), rows, names)


def _falls(found: Difference, harm: float, larger_is_better: bool) -> bool:
    if found.value is None or not found.significant:
        return False
    return (-found.value if larger_is_better else found.value) > harm


def _reason(rule: GateRule, rows: tuple[Difference, ...], fallen: list[Difference]) -> str:
    beyond = f" by more than {rule.harm:g}" if rule.harm else ""
    if fallen:
        told = [f"{one.slice} ({signed(one.value)} {interval(one.low, one.high)})" for one in fallen]
        verb = "falls" if len(told) == 1 else "fall"
        return f"refused: in {rule.metric}, {listed(told)} {verb} significantly{beyond}"
    unknown = [one.slice for one in rows if one.value is None or one.low is None]
    aside = f"; of {listed(unknown)} nothing can be said" if unknown else ""
    return f"promoted: none of {len(rows)} slices falls significantly{beyond} in {rule.metric}{aside}"
