"""What every calibrator is."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import numpy.typing as npt

from darl.calibration.learnt import Learnt, check_graded
from darl.errors import ShapeError
from darl.predictions import FloatArray, IntArray

LEAST = 1e-10
"""Probabilities below this are taken for it: a model that rounds to 0 can still be corrected."""


class Calibrator(Learnt, ABC):
    """A map from a model's grade probabilities to probabilities that come true as often as they say.

    A member defines `_learn` and `_map`, and `learns` if it keeps something. It reads probabilities, not
    logits: what logits mean is the objective's business, and threshold objectives have no class logits. For
    a softmax, log p are the class logits less a constant, so maps of log p are maps of the logits.
    """

    def fit(self, grade_probs: FloatArray, grades: IntArray, weights: FloatArray | None = None) -> Self:
        """A fitted copy of this calibrator.

        Args:
            grade_probs: (N, K) what the model says of N >= 1 pairs that it was not trained on.
            grades: (N,) their true grades.
            weights: (N,) how many pairs each counts as, at least 0; None = 1.

        Raises:
            ShapeError: No rows, grades that do not fit the rows or the scale, or weights that do not.
        """
        check_graded(grade_probs, grades)
        weights = np.ones(len(grades)) if weights is None else weights
        if weights.shape != grades.shape or not np.isfinite(weights).all() or weights.min() < 0:
            raise ShapeError(f"weights: expected ({len(grades)},) numbers of at least 0")
        fitted = copy.copy(self)
        fitted._n_grades = grade_probs.shape[1]
        fitted._learn(log_of(grade_probs), grades, weights.astype(np.float64))
        return fitted

    def apply(self, grade_probs: FloatArray) -> npt.NDArray[np.float64]:
        """(N, K) calibrated probabilities; rows sum to 1.

        Raises:
            NotFittedError: This calibrator is not one that `fit` returned.
            ShapeError: Another number of grades than in `fit`.
        """
        self._check_seen(grade_probs)
        return self._map(log_of(grade_probs))

    @abstractmethod
    def _learn(self, log_probs: FloatArray, grades: IntArray, weights: FloatArray) -> None:
        """Keep what is learnt, as new attributes of this (already copied) calibrator."""

    @abstractmethod
    def _map(self, log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(N, K) probabilities from (N, K) log p, p >= LEAST."""


def log_of(grade_probs: FloatArray) -> npt.NDArray[np.float64]:
    """(N, K) log p, finite."""
    logs: npt.NDArray[np.float64] = np.log(np.maximum(grade_probs.astype(np.float64), LEAST))
    return logs


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, K) probabilities of (N, K) class logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probs
