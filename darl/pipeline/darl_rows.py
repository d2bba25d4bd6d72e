"""What a study of DaRL finds: every rival on every slice, and how near it comes to the ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from darl.evaluation.bootstrap import SliceEstimates, estimate_slice
from darl.evaluation.closed import share_closed
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.report import Report
from darl.evaluation.rows import GAP, differences_of, with_gaps
from darl.evaluation.verdict import verdict
from darl.pipeline.darl_recipes import CEILING, DARL, PLAIN, RANDOM
from darl.pipeline.study import MARKS, OOD, judged_on

RESAMPLES, LEVEL = 1000, 0.95
COMPARED = (PLAIN, RANDOM, DARL)
"""What every rival is compared with."""
OOD_GAP = GAP + OOD


@dataclass(frozen=True)
class Less:
    """A rival less another one.

    Attributes:
        value: The difference.
        low: Lower end of its interval, paired by query and seed; None where there is none.
        high: Its upper end.
        tone: "better" or "worse" where the interval leaves out 0, "noise" where it does not, "unknown"
            without an interval. A smaller gap is better.
    """

    value: float
    low: float | None
    high: float | None
    tone: str

    @property
    def mark(self) -> str:
        """Whether it is significantly better (▲) or worse (▼)."""
        return MARKS.get(self.tone, "")


@dataclass(frozen=True)
class Share:
    """How much of the distance from plain to the ceiling a rival closes.

    Attributes:
        value: 0 is plain, 1 the ceiling; None where the ceiling is not significantly better than plain.
        low: Lower end of its interval; None where there is none.
        high: Its upper end.
        reason: Why there is no value, or what it leaves out; else "".
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """What a rival reached, by one metric on one slice; means over seeds.

    Attributes:
        experiment: Its name.
        slice: A test slice; "ood" for all but the first as one; "gap:SLICE" for in_dist less SLICE.
        metric: The metric's name.
        rival: Its label.
        same_as: The rival that it is the same as, which was run for both; "" where it is like no other.
        train: Training pairs.
        labels: Pool labels that it spent, those held out for its end among them.
        value: The metric.
        low: Lower end of its interval over queries and seeds; None where there is none.
        high: Its upper end.
        by_seed: The value of each seed; empty for a gap.
        less: Less each of plain, random and darl, by their labels, but not less itself.
        closed: The share of the distance that it closes; None for a gap, and where plain or ceiling were not
            run.
        pairs: Pairs of the slice, of a gap's OOD slice.
        queries: Its queries.
    """

    experiment: str
    slice: str
    metric: str
    rival: str
    same_as: str
    train: int
    labels: int
    value: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]
    less: Mapping[str, Less]
    closed: Share | None
    pairs: int
    queries: int


def estimate_all(report: Report, resamples: int = RESAMPLES) -> dict[str, SliceEstimates]:
    """Every model on every slice, on all OOD slices as one, and the gaps.

    Slices are of other queries and resampled apart; seeds are the same in all of them, so that a gap is of
    one model's.

    Args:
        report: On what was run; its first slice is in_dist.
        resamples: Of queries and seeds.
    """
    metrics = list(metrics_for(report.scale).values())
    parts = _parts(report)
    generators = np.random.default_rng(0).spawn(len(parts))
    return with_gaps(
        {
            name: estimate_slice(
                {model: judged_on(report, model, of) for model in report.runs},
                report.scale,
                metrics,
                rng,
                resamples,
                over_seeds=True,
                seed_rng=np.random.default_rng(1),
            )
            for (name, of), rng in zip(parts.items(), generators, strict=True)
        }
    )


def _parts(report: Report) -> dict[str, list[str]]:
    return {name: [name] for name in report.slices} | {OOD: report.slices[1:]}


def results(
    name: str, report: Report, run_as: Mapping[str, str], resamples: int = RESAMPLES
) -> Iterator[Result]:
    """A result for each rival, slice and metric that has a meaning there.

    Args:
        name: Of the experiment.
        report: On what was run.
        run_as: By the label of each rival, what it was run as: a model of the report.
        resamples: Of queries and seeds.
    """
    slices, metrics = estimate_all(report, resamples), metrics_for(report.scale)
    sizes = _sizes(report)
    first: dict[str, str] = {}
    for rival, model in run_as.items():
        first.setdefault(model, rival)
    for rival, model in run_as.items():
        others = {other: run_as[other] for other in COMPARED if other in run_as and other != rival}
        less = {other: _less(slices, model, than, metrics) for other, than in others.items()}
        labels = report.labels[model]
        for place, by_model in slices.items():
            for metric, own in by_model[model].items():
                if own.value is None:  # of no meaning on the slice, whatever the model
                    continue
                low, high, _ = own.interval(LEVEL)
                yield Result(
                    name,
                    place,
                    metric,
                    rival,
                    "" if rival == first[model] else first[model],
                    labels["train"],
                    labels["selected"],
                    own.value,
                    low,
                    high,
                    own.by_seed,
                    {other: found[place, metric] for other, found in less.items()},
                    _share(place, by_model, model, metrics[metric], run_as),
                    *sizes[place.removeprefix(GAP)],
                )


def _less(
    slices: Mapping[str, SliceEstimates], model: str, other: str, metrics: Mapping[str, Metric]
) -> dict[tuple[str, str], Less]:
    """A model less another one, by slice and metric."""
    return {
        (one.slice, one.metric): Less(one.value, one.low, one.high, verdict(one, metrics[one.metric]).tone)
        for one in differences_of(slices, model, other, LEVEL)
        if one.value is not None
    }


def _share(
    place: str, by_model: SliceEstimates, model: str, metric: Metric, run_as: Mapping[str, str]
) -> Share | None:
    if place.startswith(GAP) or PLAIN not in run_as or CEILING not in run_as:
        return None
    own, plain, ceiling = (by_model[of][metric.name] for of in (model, run_as[PLAIN], run_as[CEILING]))
    found = share_closed(own, plain, ceiling, metric, LEVEL)
    low, high, reason = found.interval(LEVEL)
    return Share(found.value, low, high, reason)


def _sizes(report: Report) -> dict[str, tuple[int, int]]:
    """Pairs and queries of every slice."""
    sizes = {}
    for name, of in _parts(report).items():
        one = judged_on(report, next(iter(report.runs)), of)[0]
        sizes[name] = len(one), one.n_queries
    return sizes
