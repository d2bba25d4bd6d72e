"""CORAL's loss: one yes-or-no question for each threshold between grades."""

from __future__ import annotations

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
    | fails where | the head's answers contradict each other; a detector reads class   |
    |             | logits                                                             |

    What of CORAL this is: the loss and its tasks. The paper's tasks share one weight vector and differ in
    their biases only, which is a property of the head and what its proof that c falls with k rests on. The
    rows of the head here are independent (as in Niu et al., CVPR 2016), so c may rise. Sorting undoes that
    where grades are decoded: probabilities are never negative, and the number of c above 1/2, by which the
    paper decodes, and their sum, the expected grade, stay what they were. Training does not see it.

    Reference: Cao, Mirjalili and Raschka, "Rank consistent ordinal regression for neural networks with
    application to age estimation", 2019, arXiv 1901.07884.
    """

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean over the pairs of the thresholds' summed cross-entropies."""
        return threshold_costs(logits, grades).sum(dim=-1).mean()

    def grade_probs(self, logits: Tensor) -> Tensor:
        """Differences of the sorted P(grade > k)."""
        above = widened(logits).sigmoid().sort(dim=-1, descending=True).values
        return F.pad(above, (1, 0), value=1.0) - F.pad(above, (0, 1))
