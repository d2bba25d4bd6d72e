"""Cuts for pairs that look new, from the grades that people gave to some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from darl.calibration.cuts import LearntCuts, grades_by
from darl.errors import ShapeError
from darl.predictions import FloatArray, IntArray

NEW_FROM = 95.0
"""OOD percentile below which no pair is new: at most one in twenty pairs in distribution is taken for it."""

ENOUGH = 20
"""Labels of pairs that are most likely new with which no others are taken for new."""

BORROWED = 25
"""As so many labels counts what the decision rule says of new traffic."""

LEAST = 10
"""Labels of new pairs without which nothing is learnt."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """M pairs of traffic, some of them graded.

    Args:
        scores: (M,) the model's scores, in [0, K - 1].
        given: (M,) the grades that the decision rule gives.
        ood_percentiles: (M,) how many held-out in-distribution pairs of 100 are less unusual.
        grades: (M,) the grades that people gave; -1 where nobody was asked.
        drawn: (M,) which are traffic as it comes; the others are there for their grade alone.
        likely_from: OOD percentile from which on most of the traffic is out of distribution; infinity where
            that holds nowhere.

    Raises:
        ShapeError: Lengths differ.
    """

    scores: FloatArray
    given: IntArray
    ood_percentiles: FloatArray
    grades: IntArray
    drawn: npt.NDArray[np.bool_]
    likely_from: float

    def __post_init__(self) -> None:
        for name in ("given", "ood_percentiles", "grades", "drawn"):
            if (array := getattr(self, name)).shape != self.scores.shape:
                raise ShapeError(f"{name}: expected {self.scores.shape} as scores, received {array.shape}")

    def new_from(self) -> float:
        """The OOD percentile from which a pair is new; see `NewTraffic`."""
        likely = max(NEW_FROM, self.likely_from)
        labels = (self.grades >= 0) & (self.ood_percentiles >= likely)
        return likely if labels.sum() >= ENOUGH else NEW_FROM


class NewTraffic(LearntCuts):
    """K - 1 cuts of the score for pairs that look new: as many of each grade as people found among them.

    Grades found in distribution do not hold out of it: new traffic has other shares of them, and the model
    scores it higher or lower as a whole. Labels tell the shares. Of L labelled new pairs with the shares s,
    and the shares g that the decision rule gives to all new pairs, the wanted shares are

        t = (L s + B g) / (L + B),    B = 25,

    and the cuts are where the model's scores of new pairs have so many below: the quantiles of t's sums. So a
    label counts for the traffic it came from, whatever the model was trained on. Where people find what a
    rule that cuts the score gives, t is g and nothing moves: g is counted on the pairs whose quantiles are
    taken, which are those that were not sought for a label, where there are such.

    A pair is new from the OOD percentile on from which most of the traffic is out of distribution, and never
    below the 95th. From the 95th on one in twenty familiar pairs is new as well: where little traffic is new
    that is half of them, and the cuts serve neither. Where the stricter rule leaves fewer than 20 labels, as
    it does where nothing is most likely new, it is the 95th: what few labels say of the shares is worth less
    than what more say of somewhat other ones.

    Labels have to be drawn from new traffic without regard to their grades (`dasa`, `ood_sampling`, `random`
    do): a strategy that seeks doubtful or strong pairs finds other shares.

    Shares and not the labelled scores decide: the best cuts on a hundred labels follow chance, and on pairs
    that were trained on they flatter the model.

    Reference: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori
    probabilities, 2002 (shares of classes that change; here they are counted, not inferred).
    """

    learns: ClassVar = {**LearntCuts.learns, "labels": "int64 1", "start": "float64 1"}
    _labels: npt.NDArray[np.int64]
    _start: npt.NDArray[np.float64]

    def fit(self, traffic: Traffic, n_grades: int) -> Self | None:
        """A fitted copy; None where fewer than 10 of the labels are of new pairs.

        Args:
            traffic: Of the deployed kind.
            n_grades: K.
        """
        start = traffic.new_from()
        new = traffic.ood_percentiles >= start
        graded = new & (traffic.grades >= 0)
        labels = int(graded.sum())
        if labels < LEAST:
            return None
        told = np.bincount(traffic.grades[graded], minlength=n_grades)
        counted = new & traffic.drawn if (new & traffic.drawn).any() else new
        given = np.bincount(traffic.given[counted], minlength=n_grades) / counted.sum()
        below = ((told + BORROWED * given) / (labels + BORROWED)).cumsum()[:-1]
        scores = traffic.scores[counted].astype(np.float64)
        fitted = type(self)()
        fitted._n_grades = n_grades
        # Where no pair is to be of a grade or above, not even that of the largest score is.
        fitted._cuts = np.where(below < 1 - 1e-9, np.quantile(scores, np.minimum(below, 1.0)), n_grades)
        fitted._labels = np.array([labels], np.int64)
        fitted._start = np.array([start], np.float64)
        return fitted

    def decide(self, scores: FloatArray, grades: IntArray, ood_percentiles: FloatArray) -> IntArray:
        """(N,) grades: of new pairs by the cuts, of all others as the decision rule gave them.

        Args:
            scores: (N,) the model's.
            grades: (N,) as the decision rule gave them.
            ood_percentiles: (N,) 0 to 100.

        Raises:
            NotFittedError: This is not one that `fit` returned.
        """
        self._check_fitted()
        found: IntArray = np.where(ood_percentiles >= self._start, grades_by(self._cuts, scores), grades)
        return found

    def told(self) -> str:
        """Which pairs are new, the cuts, and from how many labels."""
        return (
            f"new pairs, from OOD percentile {self._start[0]:.5g} on, are cut at {self._listed()} "
            f"(by {self._labels[0]} labels of such)"
        )
