"""What the findings of a study of DaRL say of what it claims: worked out, not written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from darl.evaluation.metric import Metric
from darl.evaluation.numerals import count, interval, number, percent, signed
from darl.evaluation.rows import GAP, IN_DIST
from darl.evaluation.summary import HEADLINE
from darl.pipeline.darl_recipes import DARL, PARTS, PLAIN, RANDOM
from darl.pipeline.darl_rows import Less, Result
from darl.pipeline.study import OOD

MOST_LABELS, HALF = 0.1, 0.5
YES, NO, UNKNOWN = "yes", "no", "unknown"
FLIPPED = {"better": "worse", "worse": "better"}


class Check(NamedTuple):
    """Something that DaRL must reach.

    Attributes:
        asked: What.
        answer: "yes", "no", or "unknown" where what it needs was not run.
        told: The numbers that say so.
    """

    asked: str
    answer: str
    told: str


class Earned(NamedTuple):
    """Whether a part of the recipe earned its place.

    Attributes:
        label: Of the recipe without it.
        part: The part.
        words: What came out.
        gains: The recipe less the one without the part, by slice (in_dist, ood) and metric.
    """

    label: str
    part: str
    words: str
    gains: dict[tuple[str, str], Less]


def checks(found: Sequence[Result], metrics: Sequence[Metric]) -> list[Check]:
    """What one experiment says of each thing that must be reached.

    Args:
        found: Its results.
        metrics: Those on which nothing may be lost; the first of them is what must be gained on.
    """
    own = {(one.slice, one.metric): one for one in found if one.rival == DARL}
    titles = {metric.name: metric.title for metric in metrics}
    tested = {key: one for key, one in own.items() if key[1] in titles and not key[0].startswith(GAP)}
    ahead = own.get((OOD, HEADLINE))
    return [
        _few_labels(ahead),
        _half_closed(ahead, titles[HEADLINE]),
        _above_random(ahead, titles[HEADLINE]),
        _nowhere_below(tested, RANDOM, titles, f"nowhere significantly below {RANDOM}"),
        _nowhere_below(
            {key: one for key, one in tested.items() if key[0] == IN_DIST},
            PLAIN,
            titles,
            f"in distribution never significantly below {PLAIN}",
        ),
    ]


def reached(found: Sequence[Check]) -> str:
    """Whether all of it is: "yes", "no", or "unknown"."""
    answers = {one.answer for one in found}
    return NO if NO in answers else UNKNOWN if UNKNOWN in answers else YES


def _few_labels(ahead: Result | None) -> Check:
    asked = f"labels worth at most {percent(MOST_LABELS)} of the training set"
    if ahead is None:
        return Check(asked, UNKNOWN, f"{DARL} was not run")
    few = ahead.labels <= MOST_LABELS * ahead.train
    return Check(asked, YES if few else NO, f"{count(ahead.labels)} beside {count(ahead.train)}")


def _half_closed(ahead: Result | None, title: str) -> Check:
    asked = f"closes at least half of the {OOD} distance from {PLAIN} to the ceiling ({title})"
    if ahead is None or ahead.closed is None:
        return Check(asked, UNKNOWN, f"{DARL}, {PLAIN} or the ceiling was not run")
    share = ahead.closed
    if share.value is None:
        return Check(asked, NO, share.reason)
    told = f"{number(share.value)} {interval(share.low, share.high)}".rstrip()
    return Check(asked, YES if share.value >= HALF else NO, told)


def _above_random(ahead: Result | None, title: str) -> Check:
    asked = f"significantly above {RANDOM} out of distribution ({title} on {OOD})"
    less = ahead.less.get(RANDOM) if ahead else None
    if less is None:
        return Check(asked, UNKNOWN, f"{DARL} or {RANDOM} was not run")
    told = f"{signed(less.value)} {interval(less.low, less.high)}".rstrip()
    return Check(asked, YES if less.tone == "better" else NO, told)


def _nowhere_below(
    tested: dict[tuple[str, str], Result], rival: str, titles: dict[str, str], asked: str
) -> Check:
    compared = {key: one.less[rival] for key, one in tested.items() if rival in one.less}
    if not compared:
        return Check(asked, UNKNOWN, f"{DARL} or {rival} was not run")
    fallen = [
        f"{titles[metric]} on {place} {signed(less.value)} {interval(less.low, less.high)}"
        for (place, metric), less in compared.items()
        if less.tone == "worse"
    ]
    return Check(asked, NO if fallen else YES, "; ".join(fallen) or f"{len(compared)} comparisons")


def earned(found: Sequence[Result]) -> list[Earned]:
    """Of every part, whether the recipe is better for it; empty where the recipe was not run."""
    parts = []
    for label, part in PARTS.items():
        gains = {
            (one.slice, one.metric): _turned(one.less[DARL])
            for one in found
            if one.rival == label and DARL in one.less and one.slice in (IN_DIST, OOD)
        }
        if gains:
            parts.append(Earned(label, part, _words(gains), gains))
    return parts


def _turned(less: Less) -> Less:
    """The difference the other way round."""
    low, high = (None if end is None else -end for end in (less.high, less.low))
    return Less(-less.value, low, high, FLIPPED.get(less.tone, less.tone))


def _words(gains: dict[tuple[str, str], Less]) -> str:
    tones = {gains[place, HEADLINE].tone for place in (IN_DIST, OOD)}
    if {"better", "worse"} <= tones:
        return "gives and takes"
    if "better" in tones:
        return "earns its place"
    return "does harm" if "worse" in tones else "not shown to bring anything"
