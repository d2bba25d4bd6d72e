"""Two models on the same pairs: paired differences by slice and domain, and the pairs that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from darl.errors import ShapeError
from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.judged import judge
from darl.evaluation.metric import Metric
from darl.evaluation.rows import Difference, check_level, differences_of
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.predictions import IntArray, Predictions

CANDIDATE, CURRENT = "candidate", "current"
LEAST_QUERIES = 10
DOMAIN = "/"
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Both:
    """What two models say of the N pairs of a slice.

    Args:
        graded: (N) the pairs with their gold.
        current: What the model says that there is.
        candidate: What the model says that may take its place.

    Raises:
        ShapeError: Lengths differ.
    """

    graded: tuple[GradedPair, ...]
    current: Predictions
    candidate: Predictions

    def __post_init__(self) -> None:
        if not len(self.graded) == len(self.current) == len(self.candidate):
            raise ShapeError(
                f"expected predictions of {len(self.graded)} pairs, received {len(self.current)} of the "
                f"current model and {len(self.candidate)} of the candidate"
            )

    def __getitem__(self, rows: IntArray) -> Both:
        """The chosen rows, as Both."""
        return Both(tuple(self.graded[row] for row in rows), self.current[rows], self.candidate[rows])


class Changed(NamedTuple):
    """A pair to which two models give different grades.

    Attributes:
        slice: Where it is.
        graded: The pair with its gold.
        current: The grade that the current model gives.
        candidate: The grade that the candidate gives.
        current_score: The current model's score, the expected grade.
        candidate_score: The candidate's.
        harm: How much further from gold the score has moved, in grades; below 0 it has come nearer.
    """

    slice: str
    graded: GradedPair
    current: int
    candidate: int
    current_score: float
    candidate_score: float
    harm: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that `darl compare` says.

    Attributes:
        title: What was compared.
        scale: The grades.
        differences: Candidate minus current, by slice, then by the slice's domains; each metric.
        changed: The pairs whose grade changed, the worst first.
        pairs: slice -> how many pairs and queries it has.
        level: Of the intervals.
        resamples: How many resamples of queries they come from.
    """

    title: str
    scale: GradeScale
    differences: list[Difference]
    changed: list[Changed]
    pairs: Mapping[str, tuple[int, int]]
    level: float
    resamples: int


def with_domains(slices: Mapping[str, Both], least_queries: int = LEAST_QUERIES) -> dict[str, Both]:
    """The slices, each followed by its domains as "SLICE/DOMAIN".

    Args:
        slices: By name.
        least_queries: A domain with fewer queries than that is left out: its interval would say nothing. So
            is the only domain of a slice, which is the slice.
    """
    found: dict[str, Both] = {}
    for name, both in slices.items():
        found[name] = both
        domains = np.array([one.pair.domain for one in both.graded], dtype=np.str_)
        queries = np.array([one.pair.query_id for one in both.graded], dtype=np.str_)
        names = [str(one) for one in np.unique(domains)]
        for domain in names if len(names) > 1 else []:
            rows = np.flatnonzero(domains == domain)
            if domain and len(np.unique(queries[rows])) >= least_queries:
                found[f"{name}{DOMAIN}{domain}"] = both[rows]
    return found


def differences(
    slices: Mapping[str, Both],
    scale: GradeScale,
    metrics: Sequence[Metric],
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Difference]:
    """Candidate minus current, every metric on every slice, under the same resamples of a slice's queries.

    Args:
        slices: By name.
        scale: The grades.
        metrics: What to compute.
        rng: Draws the queries.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ConfigError: `level` or `resamples` is out of range.
    """
    check_level(level)
    found: list[Difference] = []
    for (name, both), own in zip(slices.items(), rng.spawn(len(slices)), strict=True):
        runs = {
            CANDIDATE: [judge(both.graded, both.candidate)],
            CURRENT: [judge(both.graded, both.current)],
        }
        estimates = estimate_slice(runs, scale, metrics, own, resamples)
        found += differences_of({name: estimates}, CANDIDATE, CURRENT, level)
    return found


def changed_pairs(slices: Mapping[str, Both]) -> list[Changed]:
    """The pairs to which the models give different grades; those that moved furthest from gold first.

    harm = |candidate score - gold| - |current score - gold|, in grades.
    """
    found = [one for name, both in slices.items() for one in _changed(name, both)]
    return sorted(found, key=lambda one: -one.harm)


def _changed(name: str, both: Both) -> Iterable[Changed]:
    gold = np.array([one.grade for one in both.graded], dtype=np.int64)
    now, then = both.candidate, both.current
    harm = np.abs(now.scores - gold) - np.abs(then.scores - gold)
    for row in np.flatnonzero(now.grades != then.grades).tolist():
        grades = int(then.grades[row]), int(now.grades[row])
        scores = float(then.scores[row]), float(now.scores[row])
        yield Changed(name, both.graded[row], *grades, *scores, float(harm[row]))


def compare(
    slices: Mapping[str, Both],
    scale: GradeScale,
    metrics: Sequence[Metric],
    rng: np.random.Generator,
    *,
    title: str,
    least_queries: int = LEAST_QUERIES,
    resamples: int = 1000,
    level: float = 0.95,
) -> Comparison:
    """Compare two models, slice by slice and domain by domain.

    Args:
        slices: What both say, by slice.
        scale: The grades.
        metrics: What to compute.
        rng: Draws the resamples.
        title: What is compared.
        least_queries: A domain with fewer queries is not compared by itself.
        resamples: How many resamples.
        level: Level of the intervals.

    Raises:
        ConfigError: `level` or `resamples` is out of range.
    """
    parts = with_domains(slices, least_queries)
    sizes = {
        name: (len(one.graded), len({g.pair.query_id for g in one.graded})) for name, one in parts.items()
    }
    found = differences(parts, scale, metrics, rng, resamples, level)
    return Comparison(title, scale, found, changed_pairs(slices), sizes, level, resamples)


def comparison_dict(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON holds it: numbers to six decimals, null for what is undefined."""
    names = comparison.scale.names
    return {
        "title": comparison.title,
        "scale": list(names),
        "level": comparison.level,
        "resamples": comparison.resamples,
        "slices": {name: {"pairs": n, "queries": q} for name, (n, q) in comparison.pairs.items()},
        "differences": [difference_dict(one) for one in comparison.differences],
        "changed": [_changed_dict(one, names) for one in comparison.changed],
    }


def difference_dict(found: Difference) -> dict[str, Any]:
    """A difference as JSON holds it."""
    return {
        **{key: rounded(value) for key, value in found._asdict().items()},
        "significant": found.significant,
    }


def rounded(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Numbers to six decimals: more than any interval can tell apart, and hides how a machine sums."""
    return round(value, DECIMALS) + 0.0 if isinstance(value, float) else value


def _changed_dict(one: Changed, names: Sequence[str]) -> dict[str, Any]:
    pair = one.graded.pair
    return {
        "slice": one.slice,
        "query_id": pair.query_id,
        "query": pair.query,
        "item_id": pair.item_id,
        "item": pair.item,
        "domain": pair.domain,
        "gold": names[one.graded.grade],
        CURRENT: names[one.current],
        CANDIDATE: names[one.candidate],
        "current_score": rounded(one.current_score),
        "candidate_score": rounded(one.candidate_score),
        "harm": rounded(one.harm),
    }
