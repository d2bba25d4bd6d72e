"""Rows that are about one pair: repeats, contradictions, and what one file tells of another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from darl.data.splits import MAY_SHARE, normalise_query
from darl.pairs import Pair


class Filed(NamedTuple):
    """A row and where to find it.

    Attributes:
        file: The name of its file.
        line: 1-based line (CSV, JSONL) or row (Parquet).
        pair: What was judged.
        grade: Its grade; None where the row has none.
    """

    file: str
    line: int
    pair: Pair
    grade: int | None

    @property
    def texts(self) -> tuple[str, ...]:
        """What a model sees of it, as `normalise_query` has it: equal for rows that it cannot tell apart."""
        fields = (text for _, text in self.pair.fields)
        return tuple(map(normalise_query, (self.pair.query, self.pair.item, *fields)))


class Group(NamedTuple):
    """Two or more rows about one pair, in the order of the files."""

    rows: tuple[Filed, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it stands in, once each."""
        return tuple(dict.fromkeys(row.file for row in self.rows))

    @property
    def distance(self) -> int:
        """How far its grades are apart: 0 where they are equal."""
        grades = [row.grade for row in self.rows if row.grade is not None]
        return max(grades) - min(grades) if grades else 0

    @property
    def repeats(self) -> int:
        """Rows that say again what an earlier one of the same file said."""
        return len(self.rows) - len({(row.file, row.grade) for row in self.rows})


def same_pairs(rows: Sequence[Filed]) -> list[Group]:
    """Rows that share both ids, or all texts as `normalise_query` has them, in the order of the first row."""
    first_of: dict[tuple[str, ...], int] = {}
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, row in enumerate(rows):
        for key in (("id", row.pair.query_id, row.pair.item_id), ("text", *row.texts)):
            a, b = sorted((root(i), root(first_of.setdefault(key, i))))
            parent[b] = a
    groups: dict[int, list[Filed]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(root(i), []).append(row)
    return [Group(tuple(of_pair)) for of_pair in groups.values() if len(of_pair) > 1]


def conflicts(groups: Iterable[Group]) -> list[Group]:
    """Those with different grades, the farthest apart first, of equals those with more rows."""
    found = [group for group in groups if group.distance]
    return sorted(found, key=lambda group: (-group.distance, -len(group.rows)))


class Leak(NamedTuple):
    """A query, as `normalise_query` has it, or a pair that stands in files that must not share it.

    Attributes:
        rows: The first row of each file.
        pairs: How many pairs of the query stand in more than one of the files.
    """

    rows: tuple[Filed, ...]
    pairs: int

    @property
    def files(self) -> tuple[str, ...]:
        """The files."""
        return tuple(row.file for row in self.rows)


def leaks(
    rows: Iterable[Filed], groups: Iterable[Group], may_share: Collection[frozenset[str]] = MAY_SHARE
) -> list[Leak]:
    """Queries that stand in two files, those with most shared pairs first.

    Args:
        rows: All rows.
        groups: What `same_pairs` makes of them.
        may_share: Pairs of names of files that may hold the same query; see `check_no_leak`.
    """
    seen: dict[str, dict[str, Filed]] = {}
    normal: dict[str, str] = {}
    for row in rows:
        text = row.pair.query
        key = normal[text] if text in normal else normal.setdefault(text, normalise_query(text))
        seen.setdefault(key, {}).setdefault(row.file, row)
    shared: dict[str, int] = {}
    for group in groups:
        if is_leak(group.files, may_share):
            key = normal[group.rows[0].pair.query]
            shared[key] = shared.get(key, 0) + 1
    found = [
        Leak(tuple(by_file.values()), shared.get(key, 0))
        for key, by_file in seen.items()
        if is_leak(by_file, may_share)
    ]
    return sorted(found, key=lambda leak: -leak.pairs)


def is_leak(files: Iterable[str], may_share: Collection[frozenset[str]] = MAY_SHARE) -> bool:
    """Whether any two of the files must not hold the same query."""
    return any(frozenset(two) not in may_share for two in combinations(files, 2))


def shared_items(rows: Iterable[Filed]) -> dict[tuple[str, str], int]:
    """How many items, by their normalised text, two files have in common; no fault."""
    files: dict[str, dict[str, None]] = {}
    for row in rows:
        files.setdefault(normalise_query(row.pair.item), {})[row.file] = None
    counts: dict[tuple[str, str], int] = {}
    for names in files.values():
        for first, second in combinations(names, 2):
            counts[first, second] = counts.get((first, second), 0) + 1
    return counts
