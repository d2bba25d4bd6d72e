"""The squared distance between cumulative distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from darl.objectives.base import ClassObjective


class EarthMover(ClassObjective):
    """How far, and how much, probability has to be moved along the grades to lie on the true one.

    loss = mean_i sum_k (sum_(j <= k) p_ij - [k >= grade_i])^2, p_i = softmax(logits_i), in [0, K - 1];
    grade_probs = softmax(logits).

    | grades in   | a step: 0 below the grade, 1 from it on                            |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | ordered grades; a proper score (the ranked probability score): it  |
    |             | is least, on average, at the data's own probabilities              |
    | fails where | the model is sure and wrong: the softmax is flat there, and hardly |
    |             | a gradient is left to leave it by; grades are not evenly far apart |

    Reference: Hou, Yu and Samaras, "Squared Earth Mover's Distance-based Loss for Training Deep Neural
    Networks", 2016, arXiv 1611.05916.
    """

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean squared distance of the cumulative distributions."""
        cumulative = self.grade_probs(logits).cumsum(dim=-1)
        ladder = torch.arange(cumulative.shape[-1], device=cumulative.device)
        steps = (ladder[None, :] >= grades[:, None]).to(cumulative.dtype)
        return (cumulative - steps).square().sum(dim=-1).mean()
