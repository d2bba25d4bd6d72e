"""Grades drawn from known probabilities, and a model that says them too sharply."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

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


def check_likeliest(calibrator, logits_of, origin, prior, bounds=None):
    """A calibrator finds what an optimiser without gradients finds.

    Args:
        calibrator: Of log p to `logits_of`(values, log p), values drawn to `origin` with the weight `prior`.
    """
    rng = np.random.default_rng(1)
    logits, grades = 2 * rng.normal(size=(200, 3)), rng.integers(3, size=200)
    log_probs = log_softmax(logits, axis=1)

    def cost(values):
        scores = log_softmax(logits_of(values, log_probs), axis=1)
        return -scores[np.arange(200), grades].sum() + prior * ((values - origin) ** 2).sum() / 2

    found = minimize(cost, origin, method="L-BFGS-B", bounds=bounds).x
    calibrated = calibrator.fit(np.exp(log_probs), grades).apply(np.exp(log_probs))
    np.testing.assert_allclose(calibrated, softmax(logits_of(found, log_probs)), atol=1e-3)
