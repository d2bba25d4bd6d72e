"""Candidates to choose from."""

import numpy as np

from darl.predictions import Candidates, Predictions


def candidates(scores, *, probs=None, features=None, queries=None, in_dist=(0.0, 1.0), known=None, seed=0):
    """N candidates of which only the given arrays matter; the rest is random."""
    rng = np.random.default_rng(seed)
    scores = np.asarray(scores, dtype=np.float64)
    n = len(scores)
    probs = rng.dirichlet(np.ones(3), size=n) if probs is None else np.asarray(probs, dtype=np.float64)
    features = rng.normal(size=(n, 4)) if features is None else np.asarray(features)
    queries = [f"q{i}" for i in range(n)] if queries is None else queries
    predictions = Predictions(probs, probs, features)
    known = rng.normal(size=(5, features.shape[1])) if known is None else np.asarray(known)
    return Candidates(
        predictions, scores, np.asarray(in_dist, dtype=np.float64), np.array(queries, dtype=str), known
    )


def of_grades(grades, n_grades=3):
    """Probabilities whose most probable grades are `grades`."""
    return np.eye(n_grades)[np.asarray(grades)] * 0.7 + 0.3 / n_grades
