"""The loss of pairs that several people rated, whatever the objective: its mean over what they said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from darl.objectives.base import Objective
from darl.predictions import FloatArray

RATERS = 50
"""As many as a model's probabilities are told as: shares of a fiftieth."""

ROUNDING = 1e-5
"""0.06 in float32, times 50, is a little below 3."""


def expected_loss(
    objective: Objective, logits: Tensor, ratings: Sequence[tuple[int, ...]], query_ids: Tensor
) -> Tensor:
    """Mean loss of a batch, a scalar: that of each round of `rating_rounds` by its share.

    Where a pair's loss depends on its own grade alone, this is exactly the mean over pairs of the mean over
    their ratings, sum_i 1/B sum_r 1/n_i loss(logits_i, rating_ir). An objective that compares pairs sees the
    lowest ratings of all pairs together, and the highest: one pair is above another as far as it is in order.

    Args:
        objective: Any.
        logits: (B, n_logits).
        ratings: B pairs' ratings, each ascending, at least one.
        query_ids: (B,) as in Objective.loss.
    """
    total = torch.zeros((), device=logits.device)
    for share, grades in rating_rounds(ratings):
        total = total + share * objective.loss(logits, torch.tensor(grades, device=logits.device), query_ids)
    return total


def rating_rounds(ratings: Sequence[tuple[int, ...]]) -> list[tuple[float, list[int]]]:
    """Rounds in which each pair has one of its ratings: (share, the B grades), shares > 0 that sum to 1.

    The n ratings of a pair lie in order on n equal parts of the way from 0 to 1. A round is a stretch of the
    way on which no pair's rating changes: what r of n people said has rounds of r / n in all.

    >>> rating_rounds([(0, 2), (1,), (1, 1)])
    [(0.5, [0, 1, 1]), (0.5, [2, 1, 1])]
    """
    ends = sorted({(i + 1) / len(one) for one in ratings for i in range(len(one))})
    rounds: list[tuple[float, list[int]]] = []
    for start, end in zip([0.0, *ends], ends, strict=False):
        grades = [one[int((start + end) / 2 * len(one))] for one in ratings]
        if rounds and rounds[-1][1] == grades:
            rounds[-1] = (rounds[-1][0] + end - start, grades)
        else:
            rounds.append((end - start, grades))
    return rounds


def soft_ratings(grade_probs: FloatArray, raters: int = RATERS) -> list[tuple[int, ...]]:
    """(N, K) probabilities as what so many people would have said: soft targets for `expected_loss`.

    Each grade has p_k `raters` of them, rounded down, and those that are left go to the largest remainders,
    of equal ones to the lower grade: no share is wrong by 1 / `raters` or more. Pairs of which the same is
    said share one tuple.

    >>> soft_ratings(np.array([[0.5, 0.26, 0.24]]), 4)
    [(0, 0, 1, 2)]
    """
    wanted = grade_probs.astype(np.float64) * raters
    counts = np.floor(wanted + ROUNDING).astype(np.int64)
    order = np.argsort(counts - wanted, axis=1, kind="stable")
    left = raters - counts.sum(axis=1)
    np.put_along_axis(counts, order, np.take_along_axis(counts, order, 1) + _first(left, counts.shape[1]), 1)
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    return [known.setdefault(key, _spread(key)) for key in map(tuple, counts.tolist())]


def _first(n: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int64]:
    """(N, width) rows of n ones and then zeros."""
    return (np.arange(width) < n[:, None]).astype(np.int64)


def _spread(counts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(grade for grade, n in enumerate(counts) for _ in range(n))
