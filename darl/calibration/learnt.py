"""What calibrators, decision rules and abstention rules have in common: fitted once, kept as plain arrays."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from darl.errors import NotFittedError, ShapeError
from darl.predictions import FloatArray, IntArray
from darl.state import WIDTHS, State, checked_state


class Learnt:
    """Something that is fitted on graded validation pairs and never changes again, so threads may share it.

    Attributes:
        learns: The arrays that fitting learns, by name, each with its dtype and sizes (see `checked_state`; K
            is the number of grades); array `name` is the attribute `_name`.
    """

    learns: ClassVar[Mapping[str, str]] = {}
    _n_grades: int = 0

    def state(self) -> State:
        """Everything that was learnt, as arrays that any file of arrays can hold; `restored` takes them back.

        The constructor's arguments are not among them.

        Raises:
            NotFittedError: This is not one that `fit` returned.
        """
        self._check_fitted()
        learnt = {WIDTHS: np.array([self._n_grades], np.int64)}
        learnt |= {name: np.array(getattr(self, f"_{name}"), order="C") for name in self.learns}
        return {f"{type(self).__name__}.{name}": array for name, array in learnt.items()}

    def restored(self, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """A fitted copy: it says, to the last bit, what the one says that gave the state.

        Args:
            state: What `state` of one of this class and these arguments gave.

        Raises:
            ShapeError: It is another's, or an array is missing, too many or of a wrong form.
        """
        restored = copy.copy(self)
        arrays = checked_state(type(self).__name__, "K", self.learns, state)
        restored._n_grades = int(arrays.pop(WIDTHS)[0])
        for name, array in arrays.items():
            setattr(restored, f"_{name}", array)
        restored._check_learnt()
        return restored

    def told(self) -> str:
        """What was learnt, in words; "" where that is nothing."""
        return ""

    def _check_learnt(self) -> None:
        """Raise ShapeError where what is learnt does not fit the arguments or the grades."""

    def _check_fitted(self) -> None:
        if not self._n_grades:
            raise NotFittedError(
                f"{type(self).__name__}: expected a fitted one, received one that was not; fit returns it"
            )

    def _check_seen(self, grade_probs: FloatArray) -> None:
        self._check_fitted()
        if grade_probs.ndim != 2 or grade_probs.shape[1] != self._n_grades:
            raise ShapeError(
                f"{type(self).__name__}: expected grade_probs (N, {self._n_grades}) as in fit, received "
                f"{grade_probs.shape}: give what the model says that it was fitted on"
            )


def check_graded(grade_probs: FloatArray, grades: IntArray) -> None:
    """Refuse what nothing can be fitted on.

    Raises:
        ShapeError: No rows, or grades that do not fit the rows or the scale.
    """
    if grade_probs.ndim != 2 or not len(grade_probs):
        raise ShapeError(f"grade_probs: expected (N, K), N >= 1, received {grade_probs.shape}")
    n, n_grades = grade_probs.shape
    if grades.shape != (n,) or not np.issubdtype(grades.dtype, np.integer):
        raise ShapeError(f"grades: expected ({n},) integers, received {grades.shape} {grades.dtype}")
    if grades.min() < 0 or grades.max() >= n_grades:
        raise ShapeError(f"grades: expected 0..{n_grades - 1}, received {grades.min()}..{grades.max()}")
