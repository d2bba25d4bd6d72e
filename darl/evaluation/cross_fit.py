"""Predictions out of sample for every pair of a file: each query is predicted by a model of the others."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from darl.errors import ConfigError
from darl.predictions import FloatArray, IntArray

INVERSE_PENALTY = 0.1
MOST_ITERATIONS = 500


def query_folds(query_rows: IntArray, folds: int, rng: np.random.Generator) -> IntArray:
    """(N,) the fold, 0..folds-1, of each pair: that of its query; folds differ by a query at most.

    Args:
        query_rows: (N,) the query of each pair, 0..Q-1.
        folds: How many, >= 2.
        rng: Draws.

    Raises:
        ConfigError: Fewer than two folds, or fewer queries than folds.
    """
    n_queries = len(np.unique(query_rows))
    if not 2 <= folds <= n_queries:
        raise ConfigError("folds", [f"expected 2 to {n_queries}, the number of queries, received {folds}"])
    fold_of = rng.permutation(n_queries) % folds
    return fold_of[np.unique(query_rows, return_inverse=True)[1]]


def cross_fit(features: FloatArray, grades: IntArray, folds: IntArray, n_grades: int) -> FloatArray:
    """(N, K) grade probabilities of each pair by a softmax regression that was fitted on the other folds.

    Features are standardised on those folds, and the weights are held small by an L2 penalty, so that few
    wrong grades do not bend it. A grade that the other folds have not has probability 0.

    Args:
        features: (N, D), what is known of each pair without its own grade.
        grades: (N,) grades.
        folds: (N,) the fold of each pair.
        n_grades: K.
    """
    probs = np.zeros((len(grades), n_grades))
    for fold in np.unique(folds):
        held_out = folds == fold
        known = features[~held_out]
        centre, spread = known.mean(axis=0), known.std(axis=0)
        scaled = (features - centre) / np.where(spread > 0, spread, 1.0)
        present = np.unique(grades[~held_out])
        if len(present) == 1:
            probs[np.ix_(held_out, present)] = 1.0
            continue
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS)
        model.fit(scaled[~held_out], grades[~held_out])
        probs[np.ix_(held_out, present)] = model.predict_proba(scaled[held_out])
    return probs
