"""Where a stage of several rounds stands after one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from darl.evaluation.learning_curve import Forecast, LearningCurve
from darl.evaluation.numerals import interval, number


class Outlook(NamedTuple):
    """What is known after a round.

    Attributes:
        round: The round, from 1.
        rounds: How many there may be.
        labels: Labels selected so far, in earlier stages too.
        budget: Labels of a round.
        curves: What they have brought, and what the next round would bring.
        stop: Whether the stop rule ended the rounds here.
        reason: What the stop rule says; "" where there is none.
    """

    round: int
    rounds: int
    labels: int
    budget: int
    curves: tuple[LearningCurve, ...]
    stop: bool = False
    reason: str = ""

    @property
    def is_last(self) -> bool:
        """Whether no round follows."""
        return self.stop or self.round == self.rounds

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**self._asdict(), "curves": [one.as_dict() for one in self.curves]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Outlook:
        """What `as_dict` gave."""
        return cls(**{**fields, "curves": tuple(map(LearningCurve.from_dict, fields["curves"]))})

    def lines(self, place: str) -> list[str]:
        """In words, for the log; `place` says which stage it is."""
        head = f"{place}: round {self.round} of {self.rounds} done, {self.labels:,} labels selected"
        rule = [f"  {self.verdict}"] if self.reason else []
        return [head, *(f"  {spoken(one, self.budget)}" for one in self.curves), *rule]

    @property
    def verdict(self) -> str:
        """What the stop rule decided and why; "" where it was not asked."""
        return f"rounds {'end here' if self.stop else 'go on'}: {self.reason}" if self.reason else ""


@dataclass(frozen=True)
class StageOutlook:
    """The outlook after the last round of a stage, as a report shows it.

    Attributes:
        model: The model.
        stage: Its stage.
        seed: Of the run.
        outlook: Where it ended.
    """

    model: str
    stage: str
    seed: int
    outlook: Outlook


def spoken(curve: LearningCurve, budget: int) -> str:
    """The last point, and what the next labels would bring, in words."""
    last, ahead = curve.points[-1], curve.forecast
    now = f"{number(last.value)} {interval(last.low, last.high)}".rstrip()
    head = f"{curve.metric} on {curve.pairs:,} {curve.data} pairs after {last.labels:,} labels {now}"
    if ahead.gain is None:
        return f"{head}; {ahead.reason}"
    words = f"{head}; gain of the next {budget:,} labels {gain_words(ahead)}"
    return words + (f" ({ahead.reason})" if ahead.reason else "")


def gain_words(ahead: Forecast) -> str:
    """What the next round would bring, with its interval."""
    return f"{number(ahead.gain)} {interval(ahead.gain_low, ahead.gain_high)}".rstrip()
