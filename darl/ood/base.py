"""What every out-of-distribution detector is."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from darl.errors import NotFittedError, ShapeError
from darl.predictions import FloatArray, IntArray, Predictions
from darl.state import WIDTHS, State, checked_state

SEEN = frozenset({"features", "likelihoods"})
"""What depends on the view of the pairs; a view gives one of them."""

NEEDS = SEEN | {"grade_probs", "class_logits"}
ROWS_AT_A_TIME = 1024
"""More would not stay in a processor's cache, and take half as long again."""


class OODDetector(ABC):
    """Says how far pairs are from those that the model was trained on.

    A detector is fitted on the model's predictions for its training pairs and then scores any
    predictions of the same model. `fit` returns a fitted copy and changes nothing else; a fitted
    detector never changes again, so threads may share it.

    Every detector must be fitted before it scores, also one that keeps no statistics: a pipeline can
    then swap detectors without a special case, and predictions of another model are refused.

    Attributes:
        needs: What the detector reads, of "features" (N, D); "likelihoods": in their place (N, 2) mean
            log-likelihoods a token, under the frozen and the tuned weights; "grade_probs" (N, K); and
            "class_logits": logits (N, K), one for each grade, as softmax objectives give and
            cumulative-link objectives do not.
        learns: The arrays that `fit` learns, by name, each with its dtype and sizes (see `checked_state`);
            array `name` is the attribute `_name`.

    A member defines `needs` and `_measure`; `learns` and `_learn` if it keeps statistics.
    """

    needs: frozenset[str]
    learns: ClassVar[Mapping[str, str]] = {}
    _widths: tuple[int, ...] = ()

    def fit(self, predictions: Predictions, grades: IntArray) -> Self:
        """A fitted copy of this detector.

        Args:
            predictions: The model's output for N >= 1 training pairs.
            grades: (N,) their true grades, each in 0..K-1.

        Raises:
            ShapeError: No rows, grades that do not fit the rows or the scale, no class logits or no
                likelihoods for a detector that reads them, or fewer rows than the detector needs.
        """
        self._check_logits(predictions)
        self._check_likelihoods(predictions)
        _check_grades(predictions, grades)
        fitted = copy.copy(self)
        fitted._widths = _widths(predictions)
        fitted._learn(predictions, grades)
        for name in self.learns:
            # As they come back from a file: in another order, products of matrices are rounded otherwise.
            setattr(fitted, f"_{name}", np.asarray(getattr(fitted, f"_{name}"), order="C"))
        fitted._prepare()
        return fitted

    def score(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """(N,) finite ood_scores; larger is further from the training distribution.

        Raises:
            NotFittedError: This detector is not one that `fit` returned.
            ShapeError: The number of logits, grades or features differs from that in `fit`.
        """
        self._check_seen(predictions)
        # A column of a matrix, say, would be written to a safetensors file wrongly, and without a word.
        return np.ascontiguousarray(self._measure(predictions)) if len(predictions) else np.empty(0)

    def state(self) -> State:
        """Everything that `fit` learnt, as arrays that any file of arrays can hold.

        They are copies, named after the class and the array, as in "KNN.unit"; `restored` takes them back.
        The constructor's arguments are not among them.

        Raises:
            NotFittedError: This detector is not one that `fit` returned.
        """
        self._check_fitted()
        learnt = {WIDTHS: np.array(self._widths, np.int64)}
        learnt |= {name: getattr(self, f"_{name}").copy() for name in self.learns}
        return {f"{type(self).__name__}.{name}": array for name, array in learnt.items()}

    def restored(self, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """A fitted copy of this detector: it scores, to the last bit, as the one that gave the state.

        Args:
            state: What `state` of a detector of this class and these arguments gave.

        Raises:
            ShapeError: It is another detector's, or an array is missing, too many or of a wrong form.
        """
        restored = copy.copy(self)
        restored._take(state)
        restored._prepare()
        return restored

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:  # noqa: B027 - may stay empty
        """Keep statistics of the training pairs, as new attributes of this (already copied) detector."""

    def _take(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Set what `_learn` would have learnt."""
        arrays = checked_state(type(self).__name__, "LKD", self.learns, state)
        self._widths = tuple(arrays.pop(WIDTHS).tolist())
        for name, array in arrays.items():
            setattr(self, f"_{name}", array)

    def _prepare(self) -> None:  # noqa: B027 - may stay empty
        """Derive what scoring needs; raise ShapeError where what is learnt does not fit the arguments."""

    @abstractmethod
    def _measure(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """(N,) ood_scores of N >= 1 pairs, of the widths seen in `fit`."""

    def _measure_fitted(self, predictions: Predictions, rows: IntArray) -> npt.NDArray[np.float64]:
        """(N,) ood_scores of pairs it was fitted on, each as if it were new where the detector can tell.

        Args:
            predictions: Of N >= 1 of the pairs given to `fit`.
            rows: (N,) which of them.
        """
        return self._measure(predictions)

    def _check_fitted(self) -> None:
        if not self._widths:
            raise NotFittedError(
                f"{type(self).__name__}: expected a fitted detector, received one that was not; "
                "fit returns it: detector = detector.fit(predictions, grades)"
            )

    def _check_seen(self, predictions: Predictions) -> None:
        self._check_fitted()
        if _widths(predictions) != self._widths:
            raise ShapeError(
                f"{type(self).__name__}: expected (logits, grades, features) of widths {self._widths} as in "
                f"fit, received {_widths(predictions)}: score predictions of the model it was fitted on"
            )

    def _check_logits(self, predictions: Predictions) -> None:
        n_logits, n_grades = predictions.logits.shape[1], predictions.grade_probs.shape[1]
        if "class_logits" in self.needs and n_logits != n_grades:
            raise ShapeError(
                f"{type(self).__name__}: expected {n_grades} class logits, one for each grade, received "
                f"{n_logits} logits: use an objective with class logits, or a detector that reads features"
            )

    def _check_likelihoods(self, predictions: Predictions) -> None:
        width = predictions.features.shape[1]
        if "likelihoods" in self.needs and width != 2:
            raise ShapeError(
                f"{type(self).__name__}: expected 2 likelihoods, frozen and tuned, received {width} "
                "features: give it the view likelihood.query, likelihood.item or likelihood"
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
