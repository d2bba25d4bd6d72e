"""CDW-CE: every wrong grade costs what it has of the probability, by its distance."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from darl.objectives.base import ClassObjective
from darl.objectives.logits import log_misses, widened


class ClassDistance(ClassObjective):
    """Probability on a wrong grade costs the more, the further that grade is from the true one.

    loss = mean_i sum_k -log(1 - p_ik) |k - grade_i|^alpha, p_i = softmax(logits_i);
    grade_probs = softmax(logits).

    | grades in   | distances to all grades                                            |
    |-------------|--------------------------------------------------------------------|
    | logits      | (B, K), one a grade                                                |
    | good for    | ordered grades where far misses must not happen                    |
    | fails where | probabilities are needed as they are: for K > 2 and data that      |
    |             | disagree, it is least not at the data's own, but at ones drawn to  |
    |             | the grades in between; a large alpha leaves neighbouring grades    |
    |             | hardly a gradient beside far ones                                  |

    With two grades it is the softmax objective, whatever alpha is.

    Args:
        alpha: > 0, finite: how much more a far grade costs than a near one.

    Raises:
        ValueError: `alpha` is not positive and finite.

    Reference: Polat, Ergenc, Kani, Alahdab, Atug and Temizel, "Class Distance Weighted Cross-Entropy Loss
    for Ulcerative Colitis Severity Estimation", 2022, arXiv 2202.05167. OLL (Castagnos, Mihelich and Dognin,
    "A Simple Log-based Loss Function for Ordinal Text Classification", COLING 2022) is the same formula for
    any distance between classes.
    """

    def __init__(self, alpha: float = 2.0) -> None:
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha: expected a finite number > 0, received {alpha}")
        self.alpha = alpha

    def loss(self, logits: Tensor, grades: Tensor, query_ids: Tensor) -> Tensor:
        """Mean of the distance-weighted costs."""
        misses = log_misses(widened(logits))
        ladder = torch.arange(misses.shape[-1], device=misses.device)
        gaps = (ladder[None, :] - grades[:, None]).abs().to(misses.dtype)
        return -(misses * gaps**self.alpha).sum(dim=-1).mean()
