"""Several people's ratings of a pair: from the rows of a file to one graded pair each."""

from __future__ import annotations

from collections.abc import Iterable

from darl.data.records import Record
from darl.grades import middle_grade


def merge_ratings(records: Iterable[Record]) -> list[Record]:
    """One record a pair, where the first row of the pair stood, with the ratings of all its rows, ascending.

    A row's ratings are those in its column `ratings` or, without them, its grade. A rater who says the same
    of a pair twice counts once. The grade is the one that a row gives beside ratings; without, their
    `middle_grade`. A pair that has fewer than two ratings keeps none beside its grade.

    Args:
        records: Rows, without contradictions.
    """
    rows: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        rows.setdefault(record.key, []).append(record)
    return [_merged(of_pair) for of_pair in rows.values()]


def _merged(rows: list[Record]) -> Record:
    ratings, raters = list[int](), set[str]()
    for row in rows:
        if row.ratings:
            ratings += row.ratings
        elif row.grade is not None and row.rater not in raters:
            ratings.append(row.grade)
            raters |= {row.rater} - {""}
    settled = [row.grade for row in rows if row.ratings and row.grade is not None]
    if not ratings:
        return rows[0]
    grade = settled[0] if settled else middle_grade(ratings)
    return rows[0]._replace(grade=grade, ratings=tuple(sorted(ratings)) if len(ratings) > 1 else ())
