"""What makes two queries the same, and how a corpus is divided without telling a test set's queries."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from darl.errors import ConfigError, DataError, Fault
from darl.pairs import GradedPair, Pair

Key = TypeVar("Key", bound=Hashable)

MAY_SHARE = (frozenset({"train", "pool"}),)
"""Traffic repeats itself, so the pool may hold a query of the training set; no other two slices may."""

SUM_TOLERANCE = 1e-6


def normalise_query(text: str) -> str:
    """The text by which two queries count as the same.

    NFKC, case folded, white space collapsed, punctuation stripped from both ends. A query that is all
    punctuation keeps it.

    >>> normalise_query("  “Running   Shoes”? ")
    'running shoes'
    >>> normalise_query("???")
    '???'
    """
    folded = " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())
    start, end = 0, len(folded)
    while start < end and _is_edge(folded[start]):
        start += 1
    while end > start and _is_edge(folded[end - 1]):
        end -= 1
    return folded[start:end] or folded


def _is_edge(character: str) -> bool:
    return character == " " or unicodedata.category(character).startswith("P")


def check_no_leak(
    splits: Mapping[str, Iterable[Pair]], may_share: Collection[frozenset[str]] = MAY_SHARE
) -> None:
    """Refuse splits in which one query, as `normalise_query` has it, stands in two.

    Args:
        splits: The pairs of each split, by name.
        may_share: Pairs of split names that may hold the same query. By default only train and pool may:
            the pool may repeat what was trained on, but neither may hold a query of valid or of any test
            slice, and no two of those may share one.

    Raises:
        DataError: Queries in two splits; the first 20 are shown with the names of both.
    """
    queries = {name: _first_texts(pairs) for name, pairs in splits.items()}
    names = list(queries)
    faults = [
        Fault(f"{first} and {second}", 0, "query", f"expected in one split only, received {text!r} in both")
        for i, first in enumerate(names)
        for second in names[i + 1 :]
        if frozenset((first, second)) not in may_share
        for normal, text in queries[first].items()
        if normal in queries[second]
    ]
    if faults:
        raise DataError("the splits share queries", faults)


def _first_texts(pairs: Iterable[Pair]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for query in dict.fromkeys(pair.query for pair in pairs):
        texts.setdefault(normalise_query(query), query)
    return texts


def split_by_query(
    graded: Sequence[GradedPair], shares: Mapping[str, float], rng: np.random.Generator
) -> dict[str, tuple[GradedPair, ...]]:
    """Divide graded pairs so that all pairs of a query, as `normalise_query` has it, stay together.

    The shares are of the queries. Pairs keep their order within a part, and the order of the pairs does
    not change which query goes where.

    Args:
        graded: The pairs.
        shares: Part name to share; positive, sum 1.
        rng: Draws which query goes where.

    Raises:
        ConfigError: Shares that are not positive or do not sum to 1.
        DataError: Fewer queries than parts.
    """
    normal = {query: normalise_query(query) for query in {pair.query for pair, _ in graded}}
    part_of = {
        key: name for name, keys in allot(sorted(set(normal.values())), shares, rng).items() for key in keys
    }
    parts: dict[str, list[GradedPair]] = {name: [] for name in shares}
    for one in graded:
        parts[part_of[normal[one.pair.query]]].append(one)
    return {name: tuple(part) for name, part in parts.items()}


def share_faults(shares: Mapping[str, float]) -> list[str]:
    """Every reason why these are no shares of one whole."""
    faults = [
        f"shares: {name}: expected a number above 0, received {share!r}"
        for name, share in shares.items()
        if isinstance(share, bool) or not isinstance(share, int | float) or not share > 0
    ]
    if not faults and not abs(sum(shares.values()) - 1.0) <= SUM_TOLERANCE:
        faults.append(f"shares: expected a sum of 1, received {sum(shares.values()):g}")
    return faults


def allot(keys: Sequence[Key], shares: Mapping[str, float], rng: np.random.Generator) -> dict[str, list[Key]]:
    """Deal distinct keys to parts at random, as near to the shares as whole keys and no empty part allow.

    Raises:
        ConfigError: Shares that are not positive or do not sum to 1.
        DataError: Fewer keys than parts.
    """
    if faults := share_faults(shares):
        raise ConfigError("split", faults)
    if len(keys) < len(shares):
        message = f"expected at least one query for each of {', '.join(shares)}, received {len(keys)} queries"
        raise DataError("split", [Fault("split", 0, "query", message)])
    counts = _counts(len(keys), np.array(list(shares.values()), dtype=np.float64))
    order = rng.permutation(len(keys))
    ends = np.cumsum(counts)
    return {
        name: [keys[i] for i in order[end - count : end]]
        for name, count, end in zip(shares, counts, ends, strict=True)
    }


def _counts(n: int, shares: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.int64]:
    """Whole numbers >= 1 that sum to n: one each, the rest by largest remainder of what each still lacks."""
    lacks = np.maximum(n * shares - 1.0, 0.0)
    spare = n - len(shares)
    ideal = lacks * (spare / lacks.sum()) if lacks.sum() > 0 else np.zeros_like(lacks)
    counts = np.floor(ideal).astype(np.int64)
    missing = spare - int(counts.sum())
    counts[np.argsort(counts - ideal, kind="stable")[:missing]] += 1
    return counts + 1
