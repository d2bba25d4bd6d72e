"""SORD: cross-entropy against targets that leak to the neighbouring grades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ClassObjective
from darl.objectives.class_weights import check_class_weights, weighted_mean
from darl.objectives.logits import widened


class SoftGrades(ClassObjective):
    """Cross-entropy with soft ordinal targets: a near miss costs less than a far one.

    target_ik = softmax_k(-sharpness * d(k, grade_i)), d = |k - g| or (k - g)^2;
    loss = mean_i -sum_k target_ik log softmax(logits_i)_k;  grade_probs = softmax(logits).

    | grades in   | made soft by d                                                     |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | ordered grades, noisy annotators, less over-confident models       |
    | fails where | sure predictions are right: it never lets a grade have it all;     |
    |             | grades are not evenly far apart, as d is of their indices          |

    Args:
        sharpness: > 0, finite; towards infinity the targets become one-hot (the softmax objective).
        distance: "absolute" or "squared" distance between grade indices.
        class_weights: What each grade's pairs count, K numbers > 0 (see class_weights.py); None: alike.

    Raises:
        ValueError: `sharpness` is not positive, `distance` is unknown, or `class_weights` are no such
            numbers.

    Reference: Diaz and Marathe, "Soft Labels for Ordinal Regression", CVPR 2019.
    """

    def __init__(
        self,
        sharpness: float = 2.0,
        distance: Literal["absolute", "squared"] = "absolute",
        class_weights: Sequence[float] | None = None,
    ) -> None:
        if not 0 < sharpness < math.inf:
            raise ValueError(f"sharpness: expected a finite number > 0, received {sharpness}")
        if distance not in ("absolute", "squared"):
            raise ValueError(f"distance: expected 'absolute' or 'squared', received {distance!r}")
        self.sharpness = sharpness
        self.distance = distance
        self.class_weights = check_class_weights(class_weights)

    def targets(self, grades: Tensor, n_grades: int) -> Tensor:
        """(B, K) soft targets; rows sum to 1 and fall with the distance from the grade."""
        ladder = torch.arange(n_grades, device=grades.device, dtype=torch.float32)
        gap = (ladder[None, :] - grades[:, None].float()).abs()
        return (-self.sharpness * (gap if self.distance == "absolute" else gap**2)).softmax(dim=-1)

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy against the soft targets."""
        logits = widened(logits)
        targets = self.targets(grades, logits.shape[-1]).to(logits.dtype)
        if self.class_weights is None:
            return F.cross_entropy(logits, targets)
        costs = F.cross_entropy(logits, targets, reduction="none")
        return weighted_mean(costs, grades, logits.shape[-1], self.class_weights)
