"""What is wrong with graded files, as far as it can be told without asking people again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from darl.data.duplicates import Filed, conflicts, is_leak, leaks, same_pairs, shared_items
from darl.data.near_queries import near_queries
from darl.data.readers import read_records
from darl.data.splits import normalise_query
from darl.errors import DataError, Fault
from darl.evaluation.agreement import agreement
from darl.evaluation.audit import Audit, Balance, Near, Suspects, balance
from darl.evaluation.label_errors import LabelErrors, find_label_errors
from darl.evaluation.trial import made_wrong, trial_of
from darl.grades import GradeScale, middle_grade
from darl.pairs import Pair
from darl.predictions import FloatArray, IntArray
from darl.progress import SILENT, Progress

Rank = Literal["chance", "distance"]

Testimony = Callable[[IntArray], FloatArray]
"""(N, K) probabilities of the grades of N pairs, given the (N,) grades that they have: that of a pair has no
part in what is said of it, those of others may have."""


class Witness(Protocol):
    """Who says what the grades should be; see witness.py."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Extra item fields that it reads."""

    @property
    def grades(self) -> tuple[str, ...]:
        """The names of the grades that it knows; () where it can know any."""

    @property
    def how(self) -> str:
        """Who it is, in words."""

    def hear(self, pairs: Sequence[Pair], scale: GradeScale, *, progress: Progress = SILENT) -> Testimony:
        """What it says of N distinct pairs."""


def audit(
    files: Mapping[str, Path],
    against: Mapping[str, Path],
    scale: GradeScale,
    *,
    fields: Sequence[str] = (),
    ratings: bool = False,
    witness: Witness | None = None,
    rank: Rank = "chance",
    trial: float | None = None,
    seed: int = 0,
    bad_rows: Path | None = None,
    progress: Progress = SILENT,
) -> Audit:
    """Look through graded files.

    Args:
        files: The files to audit, by name.
        against: Other splits, graded or not, by name: what the audited files share with them, and they with
            each other, is a leak, unless they are called train and pool.
        scale: The grades.
        fields: Extra item fields that make items differ.
        ratings: Whether several rows of a pair, or a column `ratings`, are several people's ratings of it.
        witness: Says which grades are probably wrong; None = nobody is asked.
        rank: Probable errors by the "chance" that the grade is wrong, or by the expected "distance" of the
            right one.
        trial: Share of the grades that are made wrong, in memory, to see how many of them the witness finds;
            None = it is not tried.
        seed: Of which these are.
        bad_rows: A folder in which rows that are wrong are set aside; None stops at them.
        progress: Told how far it is.

    Raises:
        ConfigError: Item fields that are no extra fields.
        DataError: A file is wrong, but for pairs with several grades.
    """
    read = _Reader(scale, tuple(fields), ratings, bad_rows, progress)
    audited = {name: read.rows(name, path) for name, path in files.items()}
    compared = {name: read.rows(name, path, graded=False) for name, path in against.items()}
    own = [row for rows in audited.values() for row in rows]
    rows = own + [row for others in compared.values() for row in others]
    groups = same_pairs(rows)
    return Audit(
        scale,
        {name: balance(of_file, len(scale)) for name, of_file in audited.items()},
        {name: domains for name, of_file in audited.items() if (domains := _domains(of_file, len(scale)))},
        {name: len(others) for name, others in compared.items()},
        conflicts(groups),
        [group for group in groups if group.repeats],
        leaks(rows, groups),
        shared_items(rows),
        _near(rows),
        {name: agreement(said, len(scale)) for name, said in read.ratings.items()},
        None if witness is None else _suspects(own, scale, witness, rank, trial, seed, progress),
    )


class _Reader:
    def __init__(
        self,
        scale: GradeScale,
        fields: tuple[str, ...],
        ratings: bool,
        bad_rows: Path | None,
        progress: Progress,
    ) -> None:
        self.scale, self.fields, self.rated = scale, fields, ratings
        self.bad_rows, self.progress = bad_rows, progress
        self.ratings: dict[str, list[tuple[int, ...]]] = {}

    def rows(self, name: str, path: Path, *, graded: bool = True) -> list[Filed]:
        records = read_records(
            path,
            self.scale,
            item_fields=self.fields,
            graded=graded,
            ratings=self.rated,
            bad_rows=None if self.bad_rows is None else self.bad_rows / f"{name}.jsonl",
            progress=self.progress,
        )
        if self.rated and graded:
            self.ratings[name] = [record.ratings for record in records]
        return [Filed(name, record.line, record.pair, record.grade) for record in records]


def _domains(rows: Sequence[Filed], n_grades: int) -> dict[str, Balance]:
    by_domain: dict[str, list[Filed]] = {}
    for row in rows:
        by_domain.setdefault(row.pair.domain, []).append(row)
    if len(by_domain) < 2:
        return {}
    return {
        name: balance(of, n_grades) for name, of in sorted(by_domain.items(), key=lambda one: -len(one[1]))
    }


def _near(rows: Sequence[Filed]) -> list[Near]:
    """Queries that are all but the same, those in two files first."""
    first: dict[str, dict[str, Filed]] = {}
    normal = {query: normalise_query(query) for query in {row.pair.query for row in rows}}
    for row in rows:
        first.setdefault(normal[row.pair.query], {}).setdefault(row.file, row)
    found = []
    for one, other, kind in near_queries(first):
        apart = [
            (a, b) for a in first[one].values() for b in first[other].values() if is_leak({a.file, b.file})
        ]
        a, b = apart[0] if apart else (next(iter(first[one].values())), next(iter(first[other].values())))
        found.append(Near(a, b, kind, bool(apart)))
    return sorted(found, key=lambda near: not near.apart)


def _suspects(
    rows: Sequence[Filed],
    scale: GradeScale,
    witness: Witness,
    rank: Rank,
    trial: float | None,
    seed: int,
    progress: Progress,
) -> Suspects:
    """Each pair once, with the middle of its grades: which of them are probably wrong?"""
    distinct = _distinct(rows)
    grades = np.array([row.grade for row in distinct], dtype=np.int64)
    testimony = witness.hear([row.pair for row in distinct], scale, progress=progress)
    errors = find_label_errors(testimony(grades), grades)
    tried = None
    if trial is not None:
        wrong, planted = made_wrong(grades, len(scale), trial, np.random.default_rng(seed))
        found = find_label_errors(testimony(wrong), wrong)
        tried = trial_of(found, _order(found, rank), planted)
    return Suspects(distinct, errors, _order(errors, rank), witness.how, tried)


def _order(errors: LabelErrors, rank: Rank) -> IntArray:
    """(N,) the most suspect first."""
    return np.argsort(-(errors.error_probs if rank == "chance" else errors.distances), kind="stable")


def _distinct(rows: Sequence[Filed]) -> list[Filed]:
    middle: dict[Filed, int] = {}
    later: set[Filed] = set()
    for group in same_pairs(rows):
        middle[group.rows[0]] = middle_grade([row.grade for row in group.rows if row.grade is not None])
        later.update(group.rows[1:])
    return [row._replace(grade=middle.get(row, row.grade)) for row in rows if row not in later]


def file_names(files: Sequence[Path]) -> dict[str, Path]:
    """A name for each file: without folder and suffixes where that tells them apart, else as it was given.

    Raises:
        DataError: A file that was given twice.
    """
    stems = [file.name.split(".")[0] for file in files]
    names = [
        stem if stem and stems.count(stem) == 1 else str(file)
        for stem, file in zip(stems, files, strict=True)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError("audit", [Fault(name, 0, "", "expected each file once") for name in twice])
    return dict(zip(names, files, strict=True))
