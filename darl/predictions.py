"""What a model says of N pairs, as arrays.

Shapes: N pairs, K grades, D features, B batch, T tokens, M pairs of a reference set.

Three laws hold everywhere in darl:

* grade 0 is the least relevant;
* a larger score is more relevant;
* a larger ood_score is further from the training distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]
QueryIds = npt.NDArray[np.str_] | IntArray

CHECKED = 1 << 20
"""Numbers that are looked at together: to check millions of features takes no second array of that size."""


@dataclass(frozen=True)
class Predictions:
    """A model's output for N pairs, in the order of the pairs.

    Args:
        logits: (N, n_logits) raw outputs of the head; what they mean is the objective's business.
        grade_probs: (N, K) probabilities of the grades; rows sum to 1.
        features: (N, D) penultimate vectors, the head's input.

    Raises:
        ShapeError: The arrays differ in length, are not 2-D, hold NaN or infinity, or a row of
            `grade_probs` does not sum to 1.
    """

    logits: FloatArray
    grade_probs: FloatArray
    features: FloatArray

    def __post_init__(self) -> None:
        for field in fields(self):
            array = getattr(self, field.name)
            if array.ndim != 2 or len(array) != len(self.logits):
                raise ShapeError(f"{field.name}: expected ({len(self.logits)}, _), received {array.shape}")
            if not _finite(array):
                raise ShapeError(f"{field.name}: expected finite numbers, received NaN or infinity")
        if len(self) and not np.allclose(self.grade_probs.sum(axis=1), 1.0, atol=1e-4):
            raise ShapeError("grade_probs: expected rows that sum to 1")

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, rows: npt.NDArray[np.generic] | Sequence[int] | slice) -> Predictions:
        """The chosen rows, as Predictions."""
        return Predictions(self.logits[rows], self.grade_probs[rows], self.features[rows])

    def with_features(self, features: FloatArray) -> Predictions:
        """The same grades with (N, D') other features."""
        return replace(self, features=features)

    def arrays(self) -> dict[str, FloatArray]:
        """The three arrays by name, as they are stored."""
        return {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Predictions:
        """What `arrays` gave."""
        return cls(*(arrays[field.name] for field in fields(cls)))

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,) expected grade, sum_k k p_k, in [0, K - 1]; larger is more relevant."""
        grades = np.arange(self.grade_probs.shape[1], dtype=np.float64)
        expected: npt.NDArray[np.float64] = self.grade_probs.astype(np.float64) @ grades
        return expected

    @property
    def grades(self) -> npt.NDArray[np.int64]:
        """(N,) most probable grade; of equals the lower."""
        top: npt.NDArray[np.int64] = self.grade_probs.argmax(axis=1).astype(np.int64)
        return top

    @property
    def confidence(self) -> FloatArray:
        """(N,) probability of the most probable grade, in [1/K, 1]."""
        top: FloatArray = self.grade_probs.max(axis=1)
        return top


@dataclass(frozen=True)
class Decisions:
    """What N pairs are told to be: calibrated probabilities, the grades that are given, the doubt in them.

    Args:
        scores: (N,) the model's own scores, by which results are sorted; calibration never changes them.
        grade_probs: (N, K) calibrated probabilities of the grades; rows sum to 1.
        grades: (N,) the grades that are given.
        risk: (N,) chance that the given grade is wrong, in [0, 1].
        abstain: (N,) whether to rely on none of it; None where no rule says.
    """

    scores: FloatArray
    grade_probs: FloatArray
    grades: IntArray
    risk: FloatArray
    abstain: npt.NDArray[np.bool_] | None = None

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Decisions:
        """The chosen rows, as Decisions."""
        abstain = None if self.abstain is None else self.abstain[rows]
        chosen = (self.scores[rows], self.grade_probs[rows], self.grades[rows], self.risk[rows])
        return Decisions(*chosen, abstain)

    @classmethod
    def joined(cls, parts: Sequence[Decisions]) -> Decisions:
        """Those of several slices as one, in the order given; with `abstain` where all have it.

        Args:
            parts: At least one.
        """
        abstain = [part.abstain for part in parts if part.abstain is not None]
        return cls(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.grade_probs for part in parts]),
            np.concatenate([part.grades for part in parts]),
            np.concatenate([part.risk for part in parts]),
            np.concatenate(abstain) if len(abstain) == len(parts) else None,
        )

    @classmethod
    def of(cls, predictions: Predictions) -> Decisions:
        """A model's predictions as they are."""
        risk = 1 - predictions.confidence.astype(np.float64)
        return cls(predictions.scores, predictions.grade_probs, predictions.grades, risk)


@dataclass(frozen=True)
class Candidates:
    """Pool pairs that may be selected for annotation.

    Args:
        predictions: The model's output for the N pool pairs; pairs whose features are near are alike.
        ood_scores: (N,) larger is further from the training distribution.
        in_dist_scores: (M,) ood_scores of held-out in-distribution pairs, M >= 1: the yardstick by
            which a strategy tells what is unusual.
        query_ids: (N,) the query of each pair, by name or by number: which pairs are of one query is all
            that counts.
        known: (L, D) features of the pairs that are graded already, L >= 0: what is like them needs no
            label.

    Raises:
        ShapeError: Lengths or widths differ, a number is not finite, or M is 0.
    """

    predictions: Predictions
    ood_scores: FloatArray
    in_dist_scores: FloatArray
    query_ids: QueryIds
    known: FloatArray

    def __post_init__(self) -> None:
        n = len(self.predictions)
        for name in ("ood_scores", "query_ids"):
            if getattr(self, name).shape != (n,):
                raise ShapeError(f"{name}: expected ({n},), received {getattr(self, name).shape}")
        if self.in_dist_scores.ndim != 1 or not len(self.in_dist_scores):
            raise ShapeError(f"in_dist_scores: expected (M,), M >= 1, received {self.in_dist_scores.shape}")
        width = self.predictions.features.shape[1]
        if self.known.ndim != 2 or self.known.shape[1] != width:
            raise ShapeError(f"known: expected (L, {width}), received {self.known.shape}")
        for name in ("ood_scores", "in_dist_scores", "known"):
            if not _finite(getattr(self, name)):
                raise ShapeError(f"{name}: expected finite numbers, received NaN or infinity")

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Candidates:
        """The chosen rows, as Candidates."""
        return replace(
            self,
            predictions=self.predictions[rows],
            ood_scores=self.ood_scores[rows],
            query_ids=self.query_ids[rows],
        )


def _finite(array: FloatArray) -> bool:
    rows = CHECKED // max(1, math.prod(array.shape[1:])) + 1
    return all(np.isfinite(array[start : start + rows]).all() for start in range(0, len(array), rows))


def ood_percentiles(ood_scores: FloatArray, in_dist_scores: FloatArray) -> npt.NDArray[np.float64]:
    """(N,) share of M >= 1 held-out in-distribution pairs that are less unusual than each pair, 0 to 100.

    A larger percentile is further from the training distribution. Equal scores are not less unusual.

    Args:
        ood_scores: (N,) of the pairs.
        in_dist_scores: (M,) of the held-out pairs, by the same detector, in any order.

    >>> ood_percentiles(np.array([0.5, 9.0]), np.array([3.0, 1.0, 0.0, 2.0])).tolist()
    [25.0, 100.0]
    """
    return 100.0 * np.searchsorted(np.sort(in_dist_scores), ood_scores) / len(in_dist_scores)
