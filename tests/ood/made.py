"""Predictions of a small linear model whose three grades lie along three axes of its features."""

import numpy as np

from darl.ood.catalogue import DETECTORS
from darl.ood.entropy import Entropy
from darl.ood.knn import KNN
from darl.ood.mahalanobis import Mahalanobis
from darl.predictions import Predictions

N_GRADES = 3
SMALL = {"knn": {"k": 2}, "ensemble": {"detectors": [Mahalanobis(), KNN(2), Entropy()]}}
"""By detector, arguments with which two training pairs will do."""


def from_features(features, n_logits=N_GRADES):
    logits = features[:, :n_logits].astype(np.float64)
    powers = np.exp(logits[:, :N_GRADES] - logits[:, :N_GRADES].max(axis=1, keepdims=True))
    return Predictions(logits, powers / powers.sum(axis=1, keepdims=True), features)


def in_dist(n, rng, n_features=6, dtype=np.float64):
    """Predictions and true grades: grade k is a cloud around 8 on axis k."""
    grades = np.arange(n) % N_GRADES
    features = rng.normal(size=(n, n_features))
    features[np.arange(n), grades] += 8
    return from_features(features.astype(dtype)), grades


def far(n, rng, n_features=6, dtype=np.float64):
    """Predictions along an axis that no grade has, where all logits are small."""
    features = rng.normal(scale=0.3, size=(n, n_features))
    features[:, -1] += 20
    return from_features(features.astype(dtype))


def as_read_by(name, predictions):
    """The predictions in a view that the detector reads: two columns for one that reads likelihoods."""
    if "likelihoods" not in DETECTORS[name]().needs:
        return predictions
    return predictions.with_features(predictions.features[:, [-1, 0]] - 100)
