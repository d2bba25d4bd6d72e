"""What an audit of graded files found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from darl.data.duplicates import Filed, Group, Leak
from darl.evaluation.agreement import Agreement
from darl.evaluation.label_errors import LabelErrors
from darl.evaluation.trial import Trial
from darl.grades import GradeScale
from darl.predictions import IntArray


class Balance(NamedTuple):
    """How the grades of a file, or of a domain of it, are spread.

    Attributes:
        pairs: Pairs.
        queries: Queries.
        grades: (K,) pairs of each grade.
        per_query: Fewest, median and most pairs of a query.
        flat: Queries whose pairs all have one grade: they tell nothing of order.
    """

    pairs: int
    queries: int
    grades: tuple[int, ...]
    per_query: tuple[int, float, int]
    flat: int


def balance(rows: Sequence[Filed], n_grades: int) -> Balance:
    """The balance of graded rows, at least one."""
    of_query: dict[str, list[int]] = {}
    for row in rows:
        if row.grade is not None:
            of_query.setdefault(row.pair.query_id, []).append(row.grade)
    sizes = [len(grades) for grades in of_query.values()]
    counts = np.bincount([grade for grades in of_query.values() for grade in grades], minlength=n_grades)
    return Balance(
        sum(sizes),
        len(sizes),
        tuple(counts.tolist()),
        (min(sizes), float(np.median(sizes)), max(sizes)),
        sum(len(set(grades)) == 1 for grades in of_query.values()),
    )


class Near(NamedTuple):
    """Two queries that are all but the same.

    Attributes:
        first: A row of the one.
        second: A row of the other.
        kind: "same words" or "one edit".
        apart: Whether they stand in two files that must not share a query.
    """

    first: Filed
    second: Filed
    kind: str
    apart: bool


@dataclass(frozen=True, eq=False)
class Suspects:
    """Probable errors among the N distinct pairs of the audited files.

    Attributes:
        rows: (N) the first row of each pair.
        errors: What is to be thought of their grades.
        order: (N,) the most suspect first.
        how: Where the probabilities come from, in words.
        trial: How far errors that were made on purpose are found; None where it was not tried.
    """

    rows: Sequence[Filed]
    errors: LabelErrors
    order: IntArray
    how: str
    trial: Trial | None = None

    @property
    def probable(self) -> IntArray:
        """(M,) those that are wrong more probably than right, the most suspect first."""
        return self.order[self.errors.probable[self.order]]


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found.

    Attributes:
        scale: The grades.
        files: The balance of each audited file.
        domains: The balance of each domain of each file, the largest first; only where there are several.
        compared: Files that were compared with, and their rows.
        conflicts: Pairs with different grades, the farthest apart first.
        repeats: Pairs whose rows say the same again within a file.
        leaks: Queries that stand in two files.
        items: How many items two files have in common.
        near: Queries that are all but the same.
        agreement: How far several people agree, by file; {} where ratings were not read.
        suspects: Probable errors; None where they were not asked for.
    """

    scale: GradeScale
    files: Mapping[str, Balance]
    domains: Mapping[str, Mapping[str, Balance]]
    compared: Mapping[str, int]
    conflicts: Sequence[Group]
    repeats: Sequence[Group]
    leaks: Sequence[Leak]
    items: Mapping[tuple[str, str], int]
    near: Sequence[Near]
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    suspects: Suspects | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How much was found of each kind that an audit may fail on."""
        return {
            "conflicts": len(self.conflicts),
            "leaks": len(self.leaks),
            "near": sum(near.apart for near in self.near),
            "repeats": sum(group.repeats for group in self.repeats),
        }
