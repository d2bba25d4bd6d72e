"""The loss of pairs that several people rated, whatever the objective: its mean over what they said."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from darl.objectives.base import Objective


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
