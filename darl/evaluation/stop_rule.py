"""When another round is not worth its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from darl.evaluation.learning_curve import FRESH, LearningCurve
from darl.evaluation.numerals import percent
from darl.evaluation.power_law import MIN_POINTS


class StopRule(BaseModel):
    """Rounds end where the next one is likely to bring less than is asked of it.

    They end after a round if at least `probability` of the resamples of queries give the next round a gain
    below `min_gain`. Without an estimate, so before the curve has three points, they go on.

    Attributes:
        metric: What is to get better, a metric's name.
        on: "fresh" (the pool pairs that were graded last) or "valid" (validation pairs).
        min_gain: What a round should bring, in units of the metric; > 0.
        probability: Of falling short, in (0, 1].
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metric: str = "macro_f1"
    on: Literal["fresh", "valid"] = "fresh"
    min_gain: float = Field(gt=0)
    probability: float = Field(0.8, gt=0, le=1)

    @property
    def first_round(self) -> int:
        """After which round there are points enough: on fresh pairs that round's own model has no point."""
        return MIN_POINTS if self.on == FRESH else MIN_POINTS - 1

    def decide(self, curves: Sequence[LearningCurve], budget: int) -> Decision:
        """Whether another round of `budget` labels is worth it.

        Args:
            curves: What is known; that of the rule's metric on its pairs is among them.
            budget: Labels of the next round.
        """
        curve = next(one for one in curves if (one.metric, one.data) == (self.metric, self.on))
        ahead = curve.forecast
        if ahead.chance is None:
            return Decision(False, f"the rule does not decide: {ahead.reason}")
        stop = ahead.chance >= self.probability
        return Decision(
            stop,
            f"in {percent(ahead.chance)} of the resamples the next {budget:,} labels bring less than "
            f"{self.min_gain:g} {self.metric} on {self.on} pairs; rounds end at {percent(self.probability)}",
        )


class Decision(NamedTuple):
    """Whether the rounds end, and why."""

    stop: bool
    reason: str
