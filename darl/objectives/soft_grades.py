"""SORD: cross-entropy against targets that leak to the neighbouring grades."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import Objective


class SoftGrades(Objective):
    """Cross-entropy with soft ordinal targets: a near miss costs less than a far one.

    target_ik = softmax_k(-sharpness * d(k, grade_i)), d = |k - g| or (k - g)^2;
    loss = mean_i -sum_k target_ik log softmax(logits_i)_k;  grade_probs = softmax(logits).

    | grades in         | logits | good for                                                    |
    |-------------------|--------|-------------------------------------------------------------|
    | made soft by d    | (B, K) | ordered grades, noisy annotators, less over-confident models |

    Args:
        sharpness: > 0, finite; towards infinity the targets become one-hot (the softmax objective).
        distance: "absolute" or "squared" distance between grade indices.

    Raises:
        ValueError: `sharpness` is not positive, or `distance` is unknown.

    Reference: Diaz and Marathe, "Soft Labels for Ordinal Regression", CVPR 2019.
    """

    class_logits: ClassVar[bool] = True

    def __init__(self, sharpness: float = 2.0, distance: Literal["absolute", "squared"] = "absolute") -> None:
        if not 0 < sharpness < math.inf:
            raise ValueError(f"sharpness: expected a finite number > 0, received {sharpness}")
        if distance not in ("absolute", "squared"):
            raise ValueError(f"distance: expected 'absolute' or 'squared', received {distance!r}")
        self.sharpness = sharpness
        self.distance = distance

    def n_logits(self, n_grades: int) -> int:
        """K."""
        return n_grades

    def targets(self, grades: Tensor, n_grades: int) -> Tensor:
        """(B, K) soft targets; rows sum to 1 and fall with the distance from the grade."""
        ladder = torch.arange(n_grades, device=grades.device, dtype=torch.float32)
        gap = (ladder[None, :] - grades[:, None].float()).abs()
        return (-self.sharpness * (gap if self.distance == "absolute" else gap**2)).softmax(dim=-1)

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean cross-entropy against the soft targets."""
        return F.cross_entropy(logits, self.targets(grades, logits.shape[-1]).to(logits.dtype))

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Softmax over the grades."""
        return logits.softmax(dim=-1)
