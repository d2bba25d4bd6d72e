"""What one trained model said of one slice, beside the gold grades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from darl.errors import ShapeError
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.predictions import Decisions, FloatArray, IntArray, Predictions


@dataclass(frozen=True, eq=False)
class Judged:
    """The predictions of one trained model (one seed) for the N pairs of one slice, with gold grades.

    Args:
        query_ids: (N,) the query of each pair.
        item_ids: (N,) the item of each pair.
        grades: (N,) gold grades, indices into the grade scale.
        predictions: The model's output for the same pairs in the same order.

    Raises:
        ShapeError: Lengths differ, or a gold grade is not an index into the K predicted grades.
    """

    query_ids: npt.NDArray[np.str_]
    item_ids: npt.NDArray[np.str_]
    grades: IntArray
    predictions: Predictions

    def __post_init__(self) -> None:
        n = len(self.predictions)
        for name in ("query_ids", "item_ids", "grades"):
            if getattr(self, name).shape != (n,):
                raise ShapeError(
                    f"{name}: expected ({n},) as in predictions, received {getattr(self, name).shape}"
                )
        if not np.issubdtype(self.grades.dtype, np.integer):
            raise ShapeError(f"grades: expected integers, received {self.grades.dtype}")
        if n and (self.grades.min() < 0 or self.grades.max() >= self.n_grades):
            raise ShapeError(
                f"grades: expected indices 0..{self.n_grades - 1}, "
                f"received {self.grades.min()}..{self.grades.max()}"
            )

    def __len__(self) -> int:
        return len(self.grades)

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Judged:
        """The chosen rows, as Judged."""
        return Judged(self.query_ids[rows], self.item_ids[rows], self.grades[rows], self.predictions[rows])

    @property
    def n_grades(self) -> int:
        """K, the number of grades that the model tells apart."""
        return int(self.predictions.grade_probs.shape[1])

    @property
    def scores(self) -> FloatArray:
        """(N,) what results are sorted by, in [0, K - 1]."""
        return self.predictions.scores

    @property
    def decided(self) -> IntArray:
        """(N,) the grades that are given: the most probable ones."""
        return self.predictions.grades

    @property
    def risk(self) -> FloatArray:
        """(N,) larger is less sure of the grade that is given: 1 - confidence."""
        risk: FloatArray = 1 - self.predictions.confidence.astype(np.float64)
        return risk

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a pair is given a grade at all: all of them."""
        return np.ones(len(self), dtype=np.bool_)

    @cached_property
    def _queries(self) -> tuple[npt.NDArray[np.str_], IntArray]:
        # Sorted, so that a resample of queries does not depend on the order of the pairs.
        names, rows = np.unique(self.query_ids, return_inverse=True)
        return names, rows

    @property
    def n_queries(self) -> int:
        """Q, the number of distinct queries."""
        return len(self._queries[0])

    @property
    def query_rows(self) -> IntArray:
        """(N,) the query of each pair, as a row 0..Q-1 in the sorted order of the query ids."""
        return self._queries[1]

    def sum_by_query(self, cells: IntArray, n_cells: int, weights: FloatArray | None = None) -> FloatArray:
        """(n_cells, Q) per-query totals of `weights` (of ones without) over the pairs of each cell.

        Args:
            cells: (N,) the cell, 0..n_cells-1, that each pair counts in.
            n_cells: How many cells there are.
            weights: (N,) what each pair adds.
        """
        flat = cells.astype(np.int64) * self.n_queries + self.query_rows
        totals = np.bincount(flat, weights=weights, minlength=n_cells * self.n_queries)
        return totals.reshape(n_cells, self.n_queries).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Decided(Judged):
    """A slice as it is told to be after calibration: grades by a rule, a risk, and pairs without an answer.

    Its predictions hold the calibrated probabilities, so *their* `scores` are not those that results are
    sorted by; its own are the model's.

    Args:
        decisions: What is told of the same pairs.
    """

    decisions: Decisions

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Decided:
        """The chosen rows, as Decided."""
        return with_decisions(super().__getitem__(rows), self.decisions[rows])

    @property
    def scores(self) -> FloatArray:
        """(N,) what results are sorted by, which calibration never changes."""
        return self.decisions.scores

    @property
    def decided(self) -> IntArray:
        """(N,) the grades that are given."""
        return self.decisions.grades

    @property
    def risk(self) -> FloatArray:
        """(N,) chance that the given grade is wrong."""
        return self.decisions.risk

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a pair is given a grade at all."""
        abstain = self.decisions.abstain
        return np.ones(len(self), dtype=np.bool_) if abstain is None else ~abstain


def with_decisions(judged: Judged, decisions: Decisions) -> Decided:
    """The same pairs and gold with what is told of them after calibration.

    Raises:
        ShapeError: There are more or fewer decisions than pairs.
    """
    if len(decisions.grades) != len(judged):
        raise ShapeError(f"decisions: expected {len(judged)}, received {len(decisions.grades)}")
    predictions = replace(judged.predictions, grade_probs=decisions.grade_probs)
    return Decided(judged.query_ids, judged.item_ids, judged.grades, predictions, decisions)


def judge(pairs: Sequence[GradedPair], predictions: Predictions) -> Judged:
    """Predictions beside the gold grades of the pairs that they are about.

    Args:
        pairs: N graded pairs.
        predictions: What a model said of them, in the same order.

    Raises:
        ShapeError: There are more or fewer predictions than pairs.
    """
    return Judged(
        query_ids=np.array([graded.pair.query_id for graded in pairs], dtype=np.str_),
        item_ids=np.array([graded.pair.item_id for graded in pairs], dtype=np.str_),
        grades=np.array([graded.grade for graded in pairs], dtype=np.int64),
        predictions=predictions,
    )


def joined(parts: Sequence[Judged]) -> Judged:
    """Slices of different queries as one, in the order given; as they are told to be, if all of them are.

    Raises:
        ShapeError: A query stands in two of them.
    """
    queries = [set(part.query_ids.tolist()) for part in parts]
    if len(set().union(*queries)) < sum(map(len, queries)):
        raise ShapeError("joined: expected slices of different queries, received a query in two of them")
    arrays = [part.predictions.arrays() for part in parts]
    whole = Judged(
        query_ids=np.concatenate([part.query_ids for part in parts]),
        item_ids=np.concatenate([part.item_ids for part in parts]),
        grades=np.concatenate([part.grades for part in parts]),
        predictions=Predictions.from_arrays(
            {name: np.concatenate([one[name] for one in arrays]) for name in arrays[0]}
        ),
    )
    told = [part.decisions for part in parts if isinstance(part, Decided)]
    return with_decisions(whole, Decisions.joined(told)) if len(told) == len(parts) else whole


def check_comparable(runs: Iterable[tuple[str, Judged]], scale: GradeScale) -> None:
    """Refuse runs that are not about the same pairs in the same order, or not on this scale.

    Args:
        runs: (name, judged) of each run; the name says which one is at fault.
        scale: The grades that all of them must tell apart.

    Raises:
        ShapeError: No run, another number of grades, other pairs, another order or other gold grades.
    """
    named = list(runs)
    if not named:
        raise ShapeError("runs: expected at least one, received none")
    first_name, first = named[0]
    for name, judged in named:
        if judged.n_grades != len(scale):
            raise ShapeError(
                f"{name}: expected {len(scale)} grades ({', '.join(scale.names)}), "
                f"received predictions over {judged.n_grades}"
            )
        for field in ("query_ids", "item_ids", "grades"):
            if not np.array_equal(getattr(judged, field), getattr(first, field)):
                raise ShapeError(
                    f"{name}: expected the {field} of {first_name} in the same order, received others; "
                    "judge every model and seed on the same pairs"
                )
