"""Minus the entropy of what the model says: a term against being sure."""

from __future__ import annotations

import math

from torch import Tensor

from darl.objectives.base import ClassObjective
from darl.objectives.logits import widened


class ConfidencePenalty(ClassObjective):
    """Being sure costs, whatever it is sure of.

    loss = mean_i (log K - H(p_i)), H(p) = -sum_k p_k log p_k, p_i = softmax(logits_i), in [0, log K];
    grade_probs = softmax(logits).

    | grades in   | none: it sees only what the model says                             |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | a term, of weight 0.1 or so, beside one that grades (see weighted) |
    |             | and would grow over-confident                                      |
    | fails where | alone, which is refused; sure predictions are right, as they       |
    |             | should be then; grades are ordered: probability that leaves a      |
    |             | grade may as well go to the farthest one                           |

    The paper subtracts the entropy. log K is added here, so that the loss is not negative; it has no
    gradient. It is the divergence of p from the uniform distribution, and label_smoothing that of the uniform
    distribution from p: this one hardly minds a grade that gets no probability at all.

    Reference: Pereyra, Tucker, Chorowski, Kaiser and Hinton, "Regularizing Neural Networks by Penalizing
    Confident Output Distributions", 2017, arXiv 1701.06548.
    """

    sees_grades = False

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean of the missing entropy."""
        log_probs = widened(logits).log_softmax(dim=-1)
        missing = (log_probs.exp() * log_probs).sum(dim=-1) + math.log(logits.shape[-1])
        return missing.clamp(min=0).mean()  # rounding may go below
