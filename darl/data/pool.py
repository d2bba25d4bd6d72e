"""The stock of pairs that may be annotated. A pool never changes: grading some of it gives another pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from darl.errors import PoolExhaustedError, ShapeError
from darl.pairs import GradedPair, Pair

SHOWN = 5


@dataclass(frozen=True)
class Pool:
    """Pairs, some of them graded.

    Attributes:
        pairs: All pairs; an index means a place in this tuple for the whole life of the pool.
        grading: (index, grade) of the graded pairs, in the order in which they were graded.

    >>> pool = Pool([Pair("q1", "shoes", "i1", "boots"), Pair("q1", "shoes", "i2", "a lamp")])
    >>> pool = pool.with_grades([1], [0])
    >>> pool.ungraded, [one.grade for one in pool.graded]
    (array([0]), [0])
    """

    pairs: Sequence[Pair]
    grading: tuple[tuple[int, int], ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", tuple(self.pairs))

    @classmethod
    def of(cls, pairs: Sequence[Pair], grades: Sequence[int | None]) -> Pool:
        """A pool as `read_pool` gives it.

        Args:
            pairs: N pairs.
            grades: Of each its grade; None where it has none.
        """
        graded = {i: grade for i, grade in enumerate(grades) if grade is not None}
        return cls(pairs).with_grades(graded, graded.values())

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def ungraded(self) -> npt.NDArray[np.int64]:
        """(U,) indices of the pairs that have no grade yet, ascending; read-only."""
        is_open = np.ones(len(self.pairs), dtype=bool)
        is_open[[index for index, _ in self.grading]] = False
        indices = np.flatnonzero(is_open).astype(np.int64)
        indices.setflags(write=False)
        return indices

    @cached_property
    def graded(self) -> tuple[GradedPair, ...]:
        """The graded pairs, in the order in which they were graded."""
        return tuple(GradedPair(self.pairs[index], grade) for index, grade in self.grading)

    def with_grades(self, indices: Iterable[SupportsIndex], grades: Iterable[SupportsIndex]) -> Pool:
        """The pool in which these pairs are graded as well.

        Args:
            indices: (n,) distinct indices of ungraded pairs.
            grades: (n,) their grades, >= 0.

        Raises:
            ShapeError: The lengths differ, or an index is out of range, repeated or already graded, or a
                grade is negative; all of these are listed at once.
        """
        places, given = _whole_numbers("indices", indices), _whole_numbers("grades", grades)
        if faults := self._faults(places, given):
            raise ShapeError("; ".join(faults))
        return Pool(self.pairs, (*self.grading, *zip(places, given, strict=True)))

    def require(self, n: int) -> None:
        """Make sure that `n` pairs can still be graded.

        Raises:
            PoolExhaustedError: Fewer are ungraded.
        """
        if n > len(self.ungraded):
            raise PoolExhaustedError(
                f"expected at least {n} ungraded pairs, received a pool with {len(self.ungraded)} of "
                f"{len(self)} left: ask for fewer, or add pairs to the pool"
            )

    def _faults(self, indices: list[int], grades: list[int]) -> list[str]:
        graded = {index for index, _ in self.grading}
        times = Counter(indices)
        found = {
            f"indices: expected 0..{len(self) - 1}, received": sorted(
                i for i in times if not 0 <= i < len(self)
            ),
            "indices: expected each once, received again": sorted(i for i, n in times.items() if n > 1),
            "indices: expected ungraded pairs, received graded ones": sorted(graded & times.keys()),
            "grades: expected 0 or above, received": sorted({grade for grade in grades if grade < 0}),
        }
        faults = [f"{what} {_some(which)}" for what, which in found.items() if which]
        if len(indices) != len(grades):
            faults.append(f"expected one grade an index, received {len(indices)} and {len(grades)}")
        return faults


def _whole_numbers(name: str, values: Iterable[SupportsIndex]) -> list[int]:
    try:
        return [value.__index__() for value in values]
    except AttributeError as error:
        raise ShapeError(f"{name}: expected whole numbers: {error}") from error


def _some(values: list[int]) -> str:
    shown = ", ".join(str(value) for value in values[:SHOWN])
    return shown + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
