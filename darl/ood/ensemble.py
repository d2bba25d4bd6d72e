"""Several detectors' places, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.nearest import drawn
from darl.ood.base import SEEN, OODDetector
from darl.ood.entropy import Entropy
from darl.ood.knn import KNN
from darl.ood.mahalanobis import Mahalanobis
from darl.predictions import IntArray, Predictions
from darl.state import State

Float64 = npt.NDArray[np.float64]

MOST_PLACES = 10_000
"""Training pairs that a score is placed among; of more, so many are drawn as in `drawn`."""

NO_RANGE = 1e-9
"""Training scores whose range is up to this share of the largest (or of 1e-3) differ by rounding only."""


class Ensemble(OODDetector):
    """Several detectors' scores, each turned into its place among the training pairs' scores, and averaged.

    ood_score = mean_d P_d(s_d), for the score s_d of detector d; any real number, mostly in (0, 1); larger is
    further from the training distribution.

    P_d(s) is the share of training pairs that d scores below s, those that score s counting half, with
    straight lines between the training pairs' scores. Beyond their ends it goes on as a straight line that
    rises by 1 over the whole range of these scores, so that far pairs still differ. A detector that scores
    all training pairs alike has no range: its scores count in their own unit. `KNN` and `Cosine` leave a
    training pair itself out of its neighbours, lest all training pairs look nearer than new ones can be.

    Places have no unit, so detectors of any kind can be averaged, and what one of them does not see another
    may. It assumes that each is worth as much as the others: one that tells nothing dilutes the rest, and two
    that tell the same count twice. Detectors that fit their training pairs closely, Mahalanobis distances
    with few pairs for the features above all, place every new pair beyond the end and get more weight.

    Each pair's score depends on no other pair that is scored.

    Args:
        detectors: At least one, of any kind, another ensemble too. All see one view, so that none may read
            likelihoods where another reads features. Unless given: `Mahalanobis`, which sees the shape of the
            training features; `KNN`, which assumes none; and `Entropy`, which sees what the head makes of
            them. The three err in different ways, and none asks for class logits.

    Attributes:
        needs: What any of the detectors reads.

    Raises:
        ValueError: Not a list of at least one detector, or of detectors that no one view is for.

    Reference: Aggarwal and Sathe, Theoretical Foundations and Algorithms for Outlier Ensembles, ACM SIGKDD
    Explorations 17, 2015.
    """

    nested: ClassVar[frozenset[str]] = frozenset({"detectors"})
    learns: ClassVar[Mapping[str, str]] = {"scores": "float64 E M", "places": "float64 E M"}

    _scores: Float64
    _places: Float64

    def __init__(self, detectors: Sequence[OODDetector] | None = None) -> None:
        members = [Mahalanobis(), KNN(), Entropy()] if detectors is None else detectors
        if not isinstance(members, list | tuple) or not members:
            raise ValueError(f"detectors: expected a list of at least one detector, received {members!r}")
        strangers = [member for member in members if not isinstance(member, OODDetector)]
        if strangers:
            raise ValueError(f"detectors: expected detectors, received {strangers[0]!r}")
        self.detectors = tuple(members)
        self.needs = frozenset().union(*(member.needs for member in members))
        if self.needs >= SEEN:
            names = ", ".join(type(member).__name__ for member in members)
            raise ValueError(
                "detectors: expected all to read features or all to read likelihoods, since they see one "
                f"view, received {names}"
            )

    def state(self) -> State:
        """Its own arrays, and each detector's behind its number, as in "0.KNN.unit"."""
        state = super().state()
        for number, member in enumerate(self.detectors):
            state |= {f"{number}.{name}": array for name, array in member.state().items()}
        return state

    def _take(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        members, rest = [], dict(state)
        for number, member in enumerate(self.detectors):
            prefix = f"{number}."
            own = {name.removeprefix(prefix): rest.pop(name) for name in state if name.startswith(prefix)}
            members.append(member.restored(own))
        super()._take(rest)
        if len(self._scores) != len(members) or any(one._widths != self._widths for one in members):
            raise ShapeError("Ensemble: expected a state of as many detectors, all of the same widths")
        self.detectors = tuple(members)

    def _learn(self, predictions: Predictions, grades: IntArray) -> None:
        self.detectors = tuple(member.fit(predictions, grades) for member in self.detectors)
        rows = drawn(predictions.features, MOST_PLACES)
        some = predictions[rows]
        scores = [member._measure_fitted(some, rows) for member in self.detectors]
        self._scores = np.sort(scores, axis=1)
        self._places = np.stack([_shares(one) for one in self._scores])

    def _measure(self, predictions: Predictions) -> Float64:
        return self._placed([member._measure(predictions) for member in self.detectors])

    def _measure_fitted(self, predictions: Predictions, rows: IntArray) -> Float64:
        return self._placed([member._measure_fitted(predictions, rows) for member in self.detectors])

    def _placed(self, scores: Sequence[Float64]) -> Float64:
        placed = [_place(*one) for one in zip(scores, self._scores, self._places, strict=True)]
        mean: Float64 = np.mean(placed, axis=0)
        return mean


def _shares(rising: Float64) -> Float64:
    """(M,) the share of values below each, equals counting half."""
    below, upto = np.searchsorted(rising, rising, "left"), np.searchsorted(rising, rising, "right")
    shares: Float64 = (below + upto) / (2 * len(rising))
    return shares


def _place(scores: Float64, rising: Float64, places: Float64) -> Float64:
    """(N,) the place of each score among the M values that rise."""
    first, last = rising[0], rising[-1]
    place: Float64
    if last - first <= NO_RANGE * max(abs(first), abs(last), 1e-3):
        place = scores - rising.mean() + places.mean()
    else:
        beyond = np.minimum(scores - first, 0.0) + np.maximum(scores - last, 0.0)
        place = np.interp(scores, rising, places) + beyond / (last - first)
    return place
