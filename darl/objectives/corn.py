"""CORN: climbing the grades, one conditional yes-or-no question a step."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ThresholdObjective, threshold_costs
from darl.objectives.logits import widened


class Corn(ThresholdObjective):
    """Having come to grade k, is it higher still: each question is trained on the pairs that come to it.

    c_ik = sigmoid(logits_ik) = P(grade_i > k | grade_i >= k), k = 0 ... K - 2;
    loss = mean_i -(sum_(k < grade_i) log c_ik + [grade_i < K - 1] log(1 - c_i,grade_i));
    grade_probs_ik = (1 - c_ik) prod_(j < k) c_ij, without the first factor for k = K - 1.

    | grades in   | bits grade > k, for k <= grade                                     |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K - 1), log odds of P(grade > k | grade >= k)                  |
    | good for    | ordered grades with rows of a head that share nothing: whatever    |
    |             | the logits, P(grade > k) falls with k                              |
    | fails where | high grades are rare: the upper questions see few pairs; far       |
    |             | misses upwards, which cost no more than near ones, as no question  |
    |             | above the first wrong answer is asked; a detector reads class      |
    |             | logits                                                             |

    The loss is mean_i -log grade_probs_i,grade_i. The paper divides the same sum by the number of questions
    asked in the batch instead of by B, which makes a pair's share depend on its batch.

    Reference: Shi, Cao and Raschka, "Deep Neural Networks for Rank-Consistent Ordinal Regression Based On
    Conditional Probabilities", 2021, arXiv 2111.08851.
    """

    def answers(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """Above k; k itself."""
        above = torch.ones(n_grades - 1, n_grades, dtype=torch.bool).triu(1)
        return above, torch.eye(n_grades, dtype=torch.bool)[:-1]

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean over the pairs of the cross-entropies of the questions that each comes to."""
        asked = grades[:, None] >= torch.arange(logits.shape[-1], device=logits.device)
        return (threshold_costs(logits, grades) * asked).sum(dim=-1).mean()

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Products of the answers up to each grade."""
        logits = widened(logits)
        reached = F.pad(F.logsigmoid(logits).cumsum(dim=-1), (1, 0))
        stayed = F.pad(F.logsigmoid(-logits), (0, 1))
        return (reached + stayed).exp()
