"""Judged slices made by a seeded generator."""

import numpy as np

from darl.evaluation.judged import Judged
from darl.grades import GradeScale
from darl.predictions import Predictions

SCALES = {k: GradeScale(tuple("abcdefgh"[:k])) for k in (2, 3, 5)}


def predictions(probs):
    probs = np.asarray(probs, dtype=np.float64)
    return Predictions(np.log(np.maximum(probs, 1e-9)), probs, np.zeros((len(probs), 1)))


def judged(grades, probs, query_ids=None):
    n = len(grades)
    queries = np.arange(n) if query_ids is None else query_ids
    return Judged(
        np.array([f"q{query}" for query in queries], dtype=np.str_),
        np.array([f"i{i}" for i in range(n)], dtype=np.str_),
        np.array(grades, dtype=np.int64),
        predictions(probs),
    )


def random_judged(rng, n=60, k=3, queries=12, skill=1.0, rounding=None):
    """Predictions that lean to gold by `skill`; `rounding` decimals in the logits make ties."""
    grades = rng.integers(k, size=n)
    return predicted_again(
        rng, judged(grades, np.full((n, k), 1 / k), rng.integers(queries, size=n)), skill, rounding
    )


def predicted_again(rng, one, skill=1.0, rounding=None):
    """The same pairs, predicted by another model."""
    logits = rng.normal(size=(len(one), one.n_grades)) + skill * np.eye(one.n_grades)[one.grades]
    logits = logits if rounding is None else logits.round(rounding)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Judged(one.query_ids, one.item_ids, one.grades, predictions(probs))


def rows_of(one, rows, query_ids=None):
    """Some pairs of a slice, under new query ids where given."""
    rows = np.asarray(rows, dtype=np.int64)
    queries = one.query_ids[rows] if query_ids is None else np.array(query_ids, dtype=np.str_)
    return Judged(queries, one.item_ids[rows], one.grades[rows], one.predictions[rows])


def duplicated(one, counts):
    """A resample written out: query row q of the slice `counts[q]` times, each copy a query of its own."""
    rows, queries = [], []
    for row, query in enumerate(one.query_rows):
        for copy in range(int(counts[query])):
            rows.append(row)
            queries.append(f"{query}-{copy}")
    return rows_of(one, rows, queries)
