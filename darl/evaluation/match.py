"""How query and item match, in a few numbers, and how the query's other items are graded.

Few numbers, not a frozen encoder's thousands: on the generated corpus and on two of shopping search, a linear
model found more of the grades that were made wrong without the full vectors than with them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

from darl.pairs import Pair
from darl.predictions import FloatArray, IntArray
from darl.vectors import BLOCK, Vectors, blocks, unit

WORD = re.compile(r"\w+")
SHARPNESS = 8.0
"""Of like items: one with a cosine lower by 0.1 counts less than half as much."""


def match_features(
    pairs: Sequence[Pair], query_rows: IntArray, query_vectors: FloatArray, item_vectors: FloatArray
) -> FloatArray:
    """(N, 14) how well each item answers its query: seven numbers, and how each stands among the others.

    They are the cosine of the two vectors, the number of distinct words of query and item, how many and
    what share of the query's words the item has, that share with rare words counting more, and the weight of
    the rarest word that the item lacks. Words that are rare among the items weigh log((N + 1) / (n + 1/2)).

    Args:
        pairs: N pairs.
        query_rows: (N,) the query of each pair, 0..Q-1.
        query_vectors: (N, D) of the queries' texts.
        item_vectors: (N, D) of the items' texts.
    """
    queries = [frozenset(WORD.findall(pair.query.casefold())) for pair in pairs]
    items = [frozenset(WORD.findall(pair.item.casefold())) for pair in pairs]
    have = Counter(word for words in items for word in words)
    rarity = {word: log((len(pairs) + 1) / (have[word] + 0.5)) for words in queries for word in words}
    shared = [_shared(*two, rarity) for two in zip(queries, items, strict=True)]
    cosines = np.einsum("nd,nd->n", unit(query_vectors), unit(item_vectors))
    numbers = np.column_stack([cosines, np.array(shared).reshape(len(pairs), -1)])
    return np.concatenate([numbers, _within(numbers, query_rows)], axis=1)


def _shared(query: frozenset[str], item: frozenset[str], rarity: dict[str, float]) -> tuple[float, ...]:
    both, lacking = query & item, query - item
    weight = sum(rarity[word] for word in query)
    return (
        len(query),
        len(item),
        len(both),
        len(both) / max(len(query), 1),
        sum(rarity[word] for word in both) / weight if weight else 0.0,
        max((rarity[word] for word in lacking), default=0.0),
    )


def _within(numbers: FloatArray, query_rows: IntArray) -> FloatArray:
    """Each number less its mean over the query's items, in standard deviations of them."""
    sizes = np.bincount(query_rows)[:, None]

    def means(values: FloatArray) -> FloatArray:
        totals = np.stack([np.bincount(query_rows, weights=column) for column in values.T], axis=1)
        found: FloatArray = (totals / np.maximum(sizes, 1))[query_rows]
        return found

    centred = numbers - means(numbers)
    spread = np.sqrt(means(centred**2))
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def grades_around(
    grades: IntArray, n_grades: int, query_rows: IntArray, item_vectors: FloatArray
) -> FloatArray:
    """(N, 2 K + 1) how the other items of each pair's query are graded; its own grade has no part in it.

    Shares of the grades among them, the same with like items counting more, by exp(8 cosine), and how many
    items the query has.

    Args:
        grades: (N,) grades.
        n_grades: K.
        query_rows: (N,) the query of each pair, 0..Q-1.
        item_vectors: (N, D) of the items' texts.
    """
    vectors, given = unit(item_vectors), np.eye(n_grades)[grades]
    found = np.zeros((len(grades), 2 * n_grades + 1))
    order = np.argsort(query_rows, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(query_rows[order])) + 1):
        others = (given[rows].sum(axis=0) - given[rows] + 1 / n_grades) / len(rows)
        found[rows] = np.column_stack(
            [others, _like(vectors[rows], given[rows]), np.full(len(rows), len(rows))]
        )
    return found


def _like(vectors: Vectors, given: FloatArray) -> FloatArray:
    """(n, K) shares of the grades among the other items of one query, like ones counting more."""
    parts = []
    for rows in blocks(len(vectors), BLOCK):
        weights = np.exp(SHARPNESS * (vectors[rows] @ vectors.T - 1.0), dtype=np.float64)
        weights[np.arange(len(weights)), np.arange(rows.start, rows.start + len(weights))] = 0.0
        # Without any other item all grades are alike.
        parts.append((weights @ given + 1e-3 / given.shape[1]) / (weights.sum(axis=1, keepdims=True) + 1e-3))
    return np.concatenate(parts)
