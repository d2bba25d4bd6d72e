"""What a difference means: better, worse, or within noise."""

from __future__ import annotations

from typing import NamedTuple

from darl.evaluation.metric import Metric
from darl.evaluation.rows import GAP, Difference


class Verdict(NamedTuple):
    """A difference in words.

    Attributes:
        tone: "better", "worse", "noise" or "unknown": picks colour and mark.
        mark: A sign that does not need colour.
        words: What it says.
    """

    tone: str
    mark: str
    words: str


NOISE = Verdict("noise", "≈", "within noise")


def verdict(difference: Difference, metric: Metric) -> Verdict:
    """Whether a model is better than the baseline, as far as the interval can tell.

    A difference is significant where its interval leaves out 0, and within noise where it does not. A
    gap is better where less is lost out of distribution: in_dist - ood is smaller then where larger
    values are better, and larger where smaller values are.

    Args:
        difference: A model minus the baseline.
        metric: The metric that it is about.
    """
    if difference.value is None or difference.low is None:
        return Verdict("unknown", "?", f"unknown: {difference.reason}")
    if not difference.significant:
        return NOISE
    is_gap = difference.slice.startswith(GAP)
    up_is_good = metric.larger_is_better != is_gap
    better = (difference.value > 0) == up_is_good
    words = ("loses less", "loses more") if is_gap else ("better", "worse")
    return Verdict(
        "better" if better else "worse",
        "▲" if difference.value > 0 else "▼",
        f"significant: {words[0] if better else words[1]}",
    )
