"""Items of one query against each other: the better one should score higher, by a margin."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ClassObjective


class InQueryContrast(ClassObjective):
    """Of two items of one query the one of the higher grade should score higher, by more for a wider gap.

    loss = mean over (i, j) of one query with grade_i > grade_j of
           log(1 + exp(margin (grade_i - grade_j) - (s_i - s_j))), 0 where a batch has no such pair;
    s = sum_k k softmax(logits)_k, the expected grade;  grade_probs = softmax(logits).

    | grades in   | differences of grades within a query                               |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | a term beside a pointwise one (see weighted) where items are       |
    |             | sorted by their score: what all items of a query share cancels out |
    | fails where | alone: nothing ties the grade probabilities to grades, only their  |
    |             | order to each other; batches hold one item a query; the model is   |
    |             | sure and wrong: the softmax is flat there                          |

    Items are sorted by their expected grade, so that is what is compared: it is in units of grades, as the
    margin is, and 1 asks for scores as far apart as the grades. Comparing log odds, such as the logits of the
    highest and lowest grade, would give a gradient to sure pairs too, but may put the items in another order
    than the score does; the pointwise term has that gradient. The cost goes on falling beyond the margin,
    and so pushes scores to the ends of the scale: weigh it less than the pointwise term.

    Batches have to hold items of the same query: `items_per_query` of the training settings, at least 2. What
    it keeps together is not cut apart by micro-batches, each of which weighs by its items, nor in validation,
    where each query's loss weighs by its items.

    Args:
        margin: >= 0, finite: how far apart scores should be for each grade of difference; 0 asks for the
            order alone.

    Raises:
        ValueError: `margin` is negative or not finite.

    Reference: Burges et al., "Learning to Rank using Gradient Descent" (RankNet), ICML 2005, here with a
    margin and with all pairs of a batch weighing alike.
    """

    compares_items = True

    def __init__(self, margin: float = 1.0) -> None:
        if not 0 <= margin < math.inf:
            raise ValueError(f"margin: expected a finite number >= 0, received {margin}")
        self.margin = margin

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean over the pairs of items that are of one query and of different grades."""
        probs = self.grade_probs(logits)
        scores = probs @ torch.arange(probs.shape[-1], device=probs.device, dtype=probs.dtype)
        above = grades[:, None] - grades[None, :]
        compared = (above > 0) & (query_ids[:, None] == query_ids[None, :])
        short = self.margin * above.to(probs.dtype) - (scores[:, None] - scores[None, :])
        return (F.softplus(short) * compared).sum() / compared.sum().clamp(min=1)
