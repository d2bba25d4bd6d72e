"""An audit in words and tables, as a terminal and a page show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from darl.data.duplicates import Filed, Group
from darl.evaluation.agreement import Agreement
from darl.evaluation.audit import Audit, Balance, Suspects
from darl.evaluation.numerals import MISSING, count, listed, number, percent
from darl.evaluation.trial import Trial
from darl.grades import GradeScale

PLACES = 4
"""Rows of a pair that are named; a bot's pair may stand in thousands."""


class Listing(NamedTuple):
    """A table of an audit.

    Attributes:
        title: Its heading.
        text: How to read it.
        headers: Titles of the columns.
        rows: The first rows, a cell a column.
        total: How many rows there are.
    """

    title: str
    text: str
    headers: list[str]
    rows: list[list[str]]
    total: int


def summary(audit: Audit) -> list[str]:
    """What the audit comes to, a sentence a finding."""
    counts = audit.counts
    pairs = sum(of_file.pairs for of_file in audit.files.values())
    said = [
        f"{_so_many(pairs, 'graded pair')} in {listed(list(audit.files))}.",
        f"Conflicting grades: {_so_many(counts['conflicts'], 'pair')}. Said again in the same file: "
        f"{_so_many(counts['repeats'], 'row')}.",
    ]
    if len(audit.files) + len(audit.compared) > 1:
        shared = sum(leak.pairs for leak in audit.leaks)
        said.append(
            "In two files that must not share a query: "
            f"{_so_many(counts['leaks'], 'query', 'queries')}, with {_so_many(shared, 'pair')} in both; "
            f"all but the same: {count(counts['near'])} more."
        )
    if audit.suspects is not None:
        wrong, grades = len(audit.suspects.probable), len(audit.suspects.rows)
        said.append(
            f"Probably wrong, as {audit.suspects.how} has it: {_so_many(wrong, 'grade')} of {count(grades)}. "
            "What it does not know is among them: begin at the top of the list."
        )
        said += _tried(audit.suspects.trial)
    return said


def _tried(trial: Trial | None) -> list[str]:
    if trial is None:
        return []
    return [
        f"Trial: with {_so_many(trial.planted, 'grade')} made wrong in memory, {count(trial.found)} "
        f"({percent(trial.precision)}) of the first {count(trial.planted)} on the list are theirs, where "
        f"chance would put {count(trial.planted * trial.chance)} ({percent(trial.chance)}); "
        f"{count(trial.listed)} are anywhere in its {count(trial.probable)}."
    ]


def _so_many(n: int, one: str, several: str = "") -> str:
    return f"{count(n)} {one if n == 1 else several or one + 's'}"


def listings(audit: Audit, most: int) -> list[Listing]:
    """All tables that have rows, of each the first `most` rows."""
    made = [
        _balances(audit.scale, "Grades", audit.files.items(), "file", len(audit.files)),
        *(
            _balances(audit.scale, f"Grades of {name} by domain", list(of.items())[:most], "domain", len(of))
            for name, of in audit.domains.items()
        ),
        _agreement(audit.agreement),
        _conflicts(audit, most),
        _leaks(audit, most),
        _near(audit, most),
        _repeats(audit, most),
        _items(audit, most),
    ]
    if audit.suspects is not None:
        made += [_joint(audit.suspects, audit.scale), _suspects(audit.suspects, audit.scale, most)]
    return [listing for listing in made if listing.rows]


def place(row: Filed) -> str:
    """Where a row is."""
    return f"{row.file}:{row.line}"


def _balances(
    scale: GradeScale, title: str, balances: Iterable[tuple[str, Balance]], what: str, total: int
) -> Listing:
    return Listing(
        title,
        "Pairs a query: fewest, median, most. One grade: queries all of whose pairs have the same grade, "
        "which tell a model nothing of order.",
        [what, "pairs", "queries", "pairs a query", "one grade", *scale.names],
        [
            [
                name or MISSING,
                count(of.pairs),
                count(of.queries),
                f"{of.per_query[0]:,} / {of.per_query[1]:g} / {of.per_query[2]:,}",
                count(of.flat),
                *(f"{count(n)} ({percent(n / max(of.pairs, 1))})" for n in of.grades),
            ]
            for name, of in balances
        ],
        total,
    )


def _agreement(found: Mapping[str, Agreement]) -> Listing:
    rows = [
        [
            name,
            count(of.pairs),
            count(of.ratings),
            percent(of.unanimous),
            number(None if np.isnan(of.alpha) else of.alpha),
        ]
        for name, of in found.items()
        if of.pairs
    ]
    return Listing(
        "Agreement of raters",
        "Of the pairs that were rated more than once. Alpha is Krippendorff's, for ordered grades: 1 is "
        "agreement, 0 chance; above 0.8 is reliable, below 0.667 not.",
        ["file", "pairs", "ratings", "all agree", "alpha"],
        rows,
        len(rows),
    )


def _places(rows: Sequence[Filed]) -> str:
    more = f" and {len(rows) - PLACES:,} more" if len(rows) > PLACES else ""
    return ", ".join(map(place, rows[:PLACES])) + more


def _graded_places(group: Group, scale: GradeScale) -> str:
    by_grade: dict[int, list[Filed]] = {}
    for row in group.rows:
        if row.grade is not None:
            by_grade.setdefault(row.grade, []).append(row)
    return "; ".join(f"{scale.name(grade)} {_places(by_grade[grade])}" for grade in sorted(by_grade))


def _groups(groups: Iterable[Group], scale: GradeScale) -> list[list[str]]:
    return [[one.rows[0].pair.query, one.rows[0].pair.item, _graded_places(one, scale)] for one in groups]


def _conflicts(audit: Audit, most: int) -> Listing:
    return Listing(
        "Conflicting grades",
        "One pair, by its ids or by its texts, with different grades; the farthest apart first.",
        ["query", "item", "grades and where"],
        _groups(audit.conflicts[:most], audit.scale),
        len(audit.conflicts),
    )


def _leaks(audit: Audit, most: int) -> Listing:
    return Listing(
        "Queries in two files",
        "What is learnt of a query in one file is no surprise in the other. Train and pool may share them.",
        ["query", "where first", "pairs in both"],
        [[leak.rows[0].pair.query, _places(leak.rows), count(leak.pairs)] for leak in audit.leaks[:most]],
        len(audit.leaks),
    )


def _near(audit: Audit, most: int) -> Listing:
    return Listing(
        "Queries that are all but the same",
        "The same words in another order, or one letter more, less or other. Those in two files that must "
        "not share a query come first.",
        ["query", "other query", "alike", "two files"],
        [
            [
                f"{near.first.pair.query} ({place(near.first)})",
                f"{near.second.pair.query} ({place(near.second)})",
                near.kind,
                "yes" if near.apart else "no",
            ]
            for near in audit.near[:most]
        ],
        len(audit.near),
    )


def _repeats(audit: Audit, most: int) -> Listing:
    return Listing(
        "Said again",
        "Rows of one file about one pair with the same grade: each counts in training as if it were another.",
        ["query", "item", "grades and where"],
        _groups(audit.repeats[:most], audit.scale),
        len(audit.repeats),
    )


def _items(audit: Audit, most: int) -> Listing:
    return Listing(
        "Items in two files",
        "No fault: a shop's items are known. A score on new items has to be measured on others.",
        ["file", "other file", "items in both"],
        [[*names, count(n)] for names, n in list(audit.items.items())[:most]],
        len(audit.items),
    )


def _joint(suspects: Suspects, scale: GradeScale) -> Listing:
    pairs = suspects.errors.joint * len(suspects.errors.grades)
    return Listing(
        "How grades may be mistaken",
        "Pairs by the grade they were given and the one they should have, as confident learning estimates it "
        "(arXiv 1911.00068). A witness that knows little finds too many mistakes.",
        ["given", *(f"truly {name}" for name in scale.names)],
        [[name, *map(count, row)] for name, row in zip(scale.names, pairs, strict=True)],
        len(scale),
    )


def _suspects(suspects: Suspects, scale: GradeScale, most: int) -> Listing:
    errors, rows = suspects.errors, []
    for i in suspects.probable[:most]:
        row = suspects.rows[i]
        rows.append(
            [
                place(row),
                row.pair.query,
                row.pair.item,
                scale.name(int(errors.grades[i])),
                scale.name(int(errors.alternatives[i])),
                percent(float(errors.error_probs[i])),
                f"{errors.distances[i]:.2f}",
            ]
        )
    return Listing(
        "Probable errors",
        f"As {suspects.how} has it. Chance: that the grade is wrong. Off by: how many grades, on average.",
        ["where", "query", "item", "grade", "likelier", "chance", "off by"],
        rows,
        len(suspects.probable),
    )
