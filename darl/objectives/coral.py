"""CORAL: one yes-or-no question for each threshold between grades, all answered by one direction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from darl.objectives.base import ThresholdObjective, threshold_costs
from darl.objectives.logits import widened


class Coral(ThresholdObjective):
    """Is the grade above 0, above 1, ...: K - 1 cross-entropies of a yes or no, added up.

    c_ik = sigmoid(logits_ik) = P(grade_i > k), k = 0 ... K - 2;
    loss = mean_i -sum_k ([grade_i > k] log c_ik + [grade_i <= k] log(1 - c_ik));
    grade_probs_ik = c_i,k-1 - c_ik, with the c_i sorted to fall, and 1 before and 0 after them.

    | grades in   | K - 1 bits, grade > k                                              |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K - 1), log odds of P(grade > k)                               |
    | good for    | ordered grades: a miss costs by the thresholds it is beyond,       |
    |             | however unevenly the grades lie                                    |
    | fails where | what sets a grade apart from its neighbours lies in another        |
    |             | direction than what sets the next one apart: one row has to do for |
    |             | all; a detector reads class logits                                 |

    The head has one row of weights for all thresholds and a bias for each, as the paper has it: logits of
    one pair differ by the same amounts as those of any other. Where the loss is least the biases fall with
    k (the paper's theorem 1), and then so does c, for every pair. On the way there biases may cross: sorting
    undoes that where grades are decoded, so that probabilities are never negative, and the number of c
    above 1/2, by which the paper decodes, and their sum, the expected grade, stay what they were.

    Reference: Cao, Mirjalili and Raschka, "Rank consistent ordinal regression for neural networks with
    application to age estimation", 2019, arXiv 1901.07884.
    """

    shares_row = True

    def answers(self, n_grades: int) -> tuple[Tensor, Tensor]:
        """Above k; up to k."""
        above = torch.ones(n_grades - 1, n_grades, dtype=torch.bool).triu(1)
        return above, ~above

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean over the pairs of the thresholds' summed cross-entropies."""
        return threshold_costs(logits, grades).sum(dim=-1).mean()

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Differences of the sorted P(grade > k)."""
        above = widened(logits).sigmoid().sort(dim=-1, descending=True).values
        return F.pad(above, (1, 0), value=1.0) - F.pad(above, (0, 1))
