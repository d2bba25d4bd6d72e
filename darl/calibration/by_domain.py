"""A calibrator for every domain that has enough pairs, and one for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from darl.calibration.base import Calibrator
from darl.predictions import FloatArray, IntArray

AT_LEAST = 100
"""Validation pairs that a domain must have for a calibrator of its own."""

BORROWED = 100
"""As so many pairs of its own counts, for a domain, the whole validation set."""

Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Calibrators:
    """What calibrates pairs of any domain.

    A domain's calibrator is fitted on its own pairs, one each, and on all validation pairs, which together
    count as 100 pairs more: with 100 pairs of its own it is half way to the common one, with thousands it is
    its own. Pairs of unknown domains, and of those that were too small, get the common one.

    Attributes:
        everywhere: Fitted on all pairs.
        domains: By domain, its own.
    """

    everywhere: Calibrator
    domains: Mapping[str, Calibrator]

    @classmethod
    def fit(
        cls,
        calibrator: Calibrator,
        grade_probs: FloatArray,
        grades: IntArray,
        domains: Texts | None = None,
        shares: FloatArray | None = None,
    ) -> Self:
        """Fit one for all pairs, and with domains one for each that has at least 100 pairs.

        Args:
            calibrator: The kind.
            grade_probs: (N, K) what the model says of N >= 1 validation pairs.
            grades: (N,) their true grades.
            domains: (N,) the domain of each pair, "" where it is unknown; None = one calibrator for all.
            shares: (N, K) what share of its ratings each grade has, in place of `grades`: a pair counts for
                each grade as much as that. None = the grades are all.
        """
        rows: IntArray = np.arange(len(grades))
        parts: FloatArray = np.ones(len(grades))
        if shares is not None:
            rows, grades = np.nonzero(shares)
            parts = shares[rows, grades]

        def fitted(weights: FloatArray) -> Calibrator:
            return calibrator.fit(grade_probs[rows], grades, weights[rows] * parts)

        pairs = len(grade_probs)
        everywhere = fitted(np.ones(pairs))
        own = {}
        for name in large_domains(domains) if domains is not None else []:
            own[name] = fitted(np.where(domains == name, 1.0, 0.0) + BORROWED / pairs)
        return cls(everywhere, own)

    def apply(self, grade_probs: FloatArray, domains: Texts) -> npt.NDArray[np.float64]:
        """(N, K) calibrated probabilities of pairs of (N,) domains."""
        calibrated = self.everywhere.apply(grade_probs)
        for name, calibrator in self.domains.items():
            rows = np.flatnonzero(domains == name)
            calibrated[rows] = calibrator.apply(grade_probs[rows])
        return calibrated


def large_domains(domains: Texts) -> list[str]:
    """The known domains that have at least 100 pairs, in alphabetical order."""
    names, counts = np.unique(domains, return_counts=True)
    return [str(name) for name, n in zip(names, counts, strict=True) if name and n >= AT_LEAST]
