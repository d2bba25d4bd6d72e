"""Which objective a study speaks for: by its validation pairs, with what the test slices say beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from darl.evaluation.kappa import KAPPA
from darl.evaluation.numerals import signed
from darl.evaluation.pairwise import PAIRWISE
from darl.pipeline.data import VALIDATION
from darl.pipeline.objective_rows import Outcome

JUDGES = (KAPPA, PAIRWISE)
"""What tells neighbouring grades apart: as grades, and as order."""


class Standing(NamedTuple):
    """How an objective stands beside softmax, over all experiments.

    Attributes:
        objective: Its label.
        gains: Of each judge the mean over experiments of the difference on validation pairs.
        least: The smallest of these differences over experiments, the mean over judges.
        better: Experiments in which a judge is significantly better on a test slice.
        worse: Experiments in which one is significantly worse.
        experiments: Experiments that have it, and a judge on their validation pairs.
    """

    objective: str
    gains: tuple[float, ...]
    least: float
    better: int
    worse: int
    experiments: int

    @property
    def gain(self) -> float:
        """The mean over judges: what is chosen by."""
        return sum(self.gains) / len(self.gains)


def standings(found: Sequence[Outcome]) -> list[Standing]:
    """Every objective but softmax that all experiments have, the best on validation pairs first.

    An experiment in which a judge has no meaning on the validation pairs, as where no query has items of two
    grades, is left out.
    """
    less = {
        (row.objective, row.experiment, row.metric): row.less
        for row in found
        if row.slice == VALIDATION and row.less is not None
    }
    names = [metric.name for metric in JUDGES]
    labels = dict.fromkeys(label for label, _, _ in less)
    places = [
        place
        for place in dict.fromkeys(row.experiment for row in found)
        if any(all((label, place, name) in less for name in names) for label in labels)
    ]
    everywhere = [
        label for label in labels if all((label, place, name) in less for place in places for name in names)
    ]
    told = []
    for label in everywhere if places else ():
        by_place = [[less[label, place, name] for name in names] for place in places]
        gains = tuple(sum(column) / len(places) for column in zip(*by_place, strict=True))
        least = min(sum(one) / len(one) for one in by_place)
        better, worse = (_experiments(found, label, tone) for tone in ("better", "worse"))
        told.append(Standing(label, gains, least, better, worse, len(places)))
    return sorted(told, key=lambda one: -one.gain)


def _experiments(found: Sequence[Outcome], label: str, tone: str) -> int:
    names = {metric.name for metric in JUDGES}
    tested = (row for row in found if row.slice != VALIDATION and row.metric in names)
    return len({row.experiment for row in tested if row.objective == label and row.tone == tone})


def choice(found: Sequence[Outcome]) -> Iterator[str]:
    """The standings as a section of the page; nothing where no experiment has them."""
    if not (told := standings(found)):
        return
    titles = " | ".join(metric.title for metric in JUDGES)
    yield from ("", "## Over all experiments", "")
    yield (
        "Mean differences to softmax on validation pairs, which is what to choose by; the mean of both, and "
        "that mean in the experiment where it is smallest. Then what the test slices say of the same two "
        f"metrics: the experiments, of {told[0].experiments}, in which one is significantly better or worse "
        "on a slice."
    )
    yield from ("", f"| objective | {titles} | mean | least | better | worse |", "|---|" + "---|" * 6)
    for one in told:
        cells = [*map(signed, (*one.gains, one.gain, one.least)), str(one.better), str(one.worse)]
        yield f"| {one.objective} | {' | '.join(cells)} |"
