"""Grades drawn from known probabilities, and a model that says them too sharply."""

import numpy as np

from darl.calibration.evidence import Evidence
from darl.predictions import Predictions


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def predictions(probs):
    return Predictions(np.zeros((len(probs), 1)), probs, np.zeros((len(probs), 1)))


def said_and_true(rng, n=2000, k=3, sharper=2.0, biases=0.0, spread=1.5):
    """(n, k) what is said, (n, k) what is true, and (n,) grades drawn from what is true.

    The true probabilities are those of logits / sharper + biases, what is said those of the logits.
    """
    logits = sharper * spread * rng.normal(size=(n, k))
    true = softmax(logits / sharper + biases)
    grades = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=k - 1)
    return softmax(logits), true, grades


def evidence(rng, n=600, k=3, queries=60, domains=("",), ood=None, **how):
    said, _, grades = said_and_true(rng, n, k, **how)
    ids = np.array([f"q{i % queries}" for i in range(n)])
    of = np.array([domains[(i % queries) % len(domains)] for i in range(n)])
    return Evidence(predictions(said), grades, ids, of, ood)
