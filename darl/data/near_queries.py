"""Queries that are all but the same: other order of the words, or one slip."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

SHORTEST, LONGEST = 6, 120
"""Characters of a query that is looked at for a slip: in shorter ones a letter makes another word."""

CROWD = 50
"""Of more queries that differ in one place alone, none is a slip: it is a place where anything may stand."""


class NearQueries(NamedTuple):
    """Two queries, as `normalise_query` has them, and what is alike about them."""

    first: str
    second: str
    kind: Literal["same words", "one edit"]


def near_queries(queries: Iterable[str]) -> list[NearQueries]:
    """Pairs of different queries that have the same set of words, or are one edit apart.

    An edit is a character added, dropped or changed, or two swapped. One that concerns a digit does not
    count: sizes and models differ by it. Of more than two queries with the same words, each is paired with
    the first. The work grows with the number of queries times their length.

    Args:
        queries: Normalised, each once or more often.
    """
    distinct = list(dict.fromkeys(queries))
    found = [NearQueries(*two, "same words") for two in _same_words(distinct)]
    known = {(near.first, near.second) for near in found}
    found += [NearQueries(*two, "one edit") for two in _one_edit(distinct) if two not in known]
    return found


def _same_words(queries: Sequence[str]) -> Iterator[tuple[str, str]]:
    first: dict[frozenset[str], str] = {}
    for query in queries:
        known = first.setdefault(frozenset(query.split()), query)
        if known != query:
            yield known, query


def _one_edit(queries: Sequence[str]) -> list[tuple[str, str]]:
    """Two texts are one edit apart only if they agree when each lacks at most one character."""
    rows, hashes = array("q"), array("q")
    for row, query in enumerate(queries):
        if SHORTEST <= len(query) <= LONGEST:
            # A run of one letter gives the same variant whichever is dropped.
            variants = {hash(query[:i] + query[i + 1 :]) for i in range(len(query))} | {hash(query)}
            rows.extend([row] * len(variants))
            hashes.extend(variants)
    near = _equal(np.frombuffer(hashes, np.int64), np.frombuffer(rows, np.int64)) if rows else ()
    found = {two for two in near if _is_slip(queries[two[0]], queries[two[1]])}
    return [(queries[a], queries[b]) for a, b in sorted(found)]


def _equal(keys: np.typing.NDArray[np.int64], rows: np.typing.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Pairs of rows, the smaller first, that have a key in common, where no more than `CROWD` have it."""
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    starts = np.concatenate(([0], np.flatnonzero(keys[1:] != keys[:-1]) + 1))
    ends = np.append(starts[1:], len(keys))
    shared = (ends - starts > 1) & (ends - starts <= CROWD)
    for start, end in zip(starts[shared], ends[shared], strict=True):
        yield from combinations(sorted(rows[start:end].tolist()), 2)


def _is_slip(a: str, b: str) -> bool:
    """Whether one edit without a digit makes one text of the other."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    left, right = a[start : len(a) - end], b[start : len(b) - end]
    one = max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1])
    return one and not any(character.isdigit() for character in left + right)
