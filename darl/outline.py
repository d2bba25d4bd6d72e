"""Many directions by few numbers each, to tell at a glance which can be near another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from darl.vectors import Vectors

Float64 = npt.NDArray[np.float64]

OUTLINE = 128
"""Numbers of an outline."""


class Outline(NamedTuple):
    """M directions as d numbers each, and the length of what those leave out: bounds on inner products.

    Attributes:
        axes: (D, d) orthonormal; most of the directions lies along them.
        places: (M, d) the directions along the axes.
        rest: (M,) the length of what is across them, rounded up.
    """

    axes: Vectors
    places: Vectors
    rest: Vectors

    @classmethod
    def of(cls, unit: Vectors, squared: Float64) -> Outline:
        """That of (M, D) directions, the longest together, nearly: by one step of a power iteration.

        Args:
            unit: The directions.
            squared: (M,) their squared lengths.
        """
        begin = unit[np.linspace(0, len(unit) - 1, OUTLINE).astype(np.int64)]
        axes = np.linalg.qr(unit.T @ (unit @ begin.T))[0]
        places = unit @ axes
        return cls(axes, places, _rest(squared, places))

    def bounds(self, vector: Vectors) -> Vectors:
        """(M,) numbers that the inner products of the directions with a (D,) direction do not exceed."""
        place = vector @ self.axes
        squared = np.asarray((vector.astype(np.float64) ** 2).sum())
        bounds: Vectors = self.places @ place + self.rest * _rest(squared, place)
        return bounds


def _rest(squared: Float64, places: Vectors) -> Vectors:
    """The length that is left of squared lengths beside places along axes, and more than rounding hides."""
    left = squared - (places.astype(np.float64) ** 2).sum(axis=-1)
    rest: Vectors = np.sqrt(np.maximum(left, 0) + 1e-5).astype(np.float32)
    return rest
