"""What every out-of-distribution detector is."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from darl.errors import NotFittedError, ShapeError
from darl.predictions import FloatArray, IntArray, Predictions

NEEDS = frozenset({"features", "grade_probs", "class_logits"})
ROWS_AT_A_TIME = 8192


class OODDetector(ABC):
    """Says how far pairs are from those that the model was trained on.

    A detector is fitted on the model's predictions for its training pairs and then scores any
    predictions of the same model. `fit` returns a fitted copy and changes nothing else; a fitted
    detector never changes again, so threads may share it.

    Every detector must be fitted before it scores, also one that keeps no statistics: a pipeline can
    then swap detectors without a special case, and predictions of another model are refused.

    Attributes:
        needs: What the detector reads, of "features" (N, D), "grade_probs" (N, K) and "class_logits":
            logits (N, K), one for each grade, as softmax objectives give and cumulative-link
            objectives do not.

    A member defines `needs` and `_measure`, and `_learn` if it keeps statistics.
    """

    needs: ClassVar[frozenset[str]]
    _widths: tuple[int, ...] = ()

    def fit(self, predictions: Predictions, grades: IntArray) -> Self:
        """A fitted copy of this detector.

        Args:
            predictions: The model's output for N >= 1 training pairs.
            grades: (N,) their true grades, each in 0..K-1.

        Raises:
            ShapeError: No rows, grades that do not fit the rows or the scale, no class logits for a
                detector that reads them, or fewer rows than the detector needs.
        """
        self._check_logits(predictions)
        _check_grades(predictions, grades)
        fitted = copy.copy(self)
        fitted._widths = _widths(predictions)
        fitted._learn(predictions, grades)
        return fitted

    def score(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """(N,) finite ood_scores; larger is further from the training distribution.

        Raises:
            NotFittedError: This detector is not one that `fit` returned.
            ShapeError: The number of logits, grades or features differs from that in `fit`.
        """
        name = type(self).__name__
        if not self._widths:
            raise NotFittedError(
                f"{name}: expected a fitted detector, received one that was not; "
                "fit returns it: detector = detector.fit(predictions, grades)"
            )
        if _widths(predictions) != self._widths:
            raise ShapeError(
                f"{name}: expected (logits, grades, features) of widths {self._widths} as in fit, "
                f"received {_widths(predictions)}: score predictions of the model it was fitted on"
            )
        return self._measure(predictions) if len(predictions) else np.empty(0)

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:  # noqa: B027 - may stay empty
        """Keep statistics of the training pairs, as new attributes of this (already copied) detector."""

    @abstractmethod
    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """(N,) ood_scores of N >= 1 pairs, of the widths seen in `fit`."""

    def _check_logits(self, predictions: Predictions) -> None:
        n_logits, n_grades = predictions.logits.shape[1], predictions.grade_probs.shape[1]
        if "class_logits" in self.needs and n_logits != n_grades:
            raise ShapeError(
                f"{type(self).__name__}: expected {n_grades} class logits, one for each grade, received "
                f"{n_logits} logits: use an objective with class logits, or a detector that reads features"
            )


def by_chunks(
    measure: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], features: FloatArray
) -> npt.NDArray[np.float64]:
    """(N,) `measure` of (N, D) features, a bounded number of rows in float64 at a time."""
    starts = range(0, len(features), ROWS_AT_A_TIME)
    return np.concatenate([measure(features[i : i + ROWS_AT_A_TIME].astype(np.float64)) for i in starts])


def _widths(predictions: Predictions) -> tuple[int, int, int]:
    return (
        predictions.logits.shape[1],
        predictions.grade_probs.shape[1],
        predictions.features.shape[1],
    )


def _check_grades(predictions: Predictions, grades: IntArray) -> None:
    n, n_grades = predictions.grade_probs.shape
    if not n:
        raise ShapeError("fit: expected at least one training pair, received none")
    if grades.shape != (n,) or not np.issubdtype(grades.dtype, np.integer):
        raise ShapeError(f"grades: expected ({n},) integers, received {grades.shape} {grades.dtype}")
    if grades.min() < 0 or grades.max() >= n_grades:
        raise ShapeError(
            f"grades: expected 0..{n_grades - 1}, received {grades.min()}..{grades.max()}: "
            "are these grades of the model's scale?"
        )
