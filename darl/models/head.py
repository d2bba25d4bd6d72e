"""The grade head: from the backbone's features to an objective's logits."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from darl.errors import ShapeError
from darl.objectives.base import Objective


class GradeHead(nn.Module):
    """logits = W features + b, in float32, squashed as the LM squashes its own logits where it does.

    Args:
        weight: (n_logits, D) starting rows: an LM head's rows of the grade words, what an objective makes of
            them, or zeros; (1, D) for a row that all logits share.
        bias: (n_logits,) starting bias.
        softcap: c of logits <- c tanh(logits / c) (Gemma 2), or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor, softcap: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone().float())
        self.bias = nn.Parameter(bias.detach().clone().float())
        self.softcap = softcap

    @property
    def n_logits(self) -> int:
        """How many logits it gives."""
        return len(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) features -> (B, n_logits)."""
        rows = self.weight.expand(self.n_logits, -1)
        return softcapped(nn.functional.linear(features.float(), rows, self.bias), self.softcap)


def softcapped(logits: Tensor, softcap: float | None) -> Tensor:
    """The logits, squashed to c tanh(logits / c) where there is such a c."""
    return logits if softcap is None else softcap * torch.tanh(logits / softcap)


def start_head(objective: Objective, classes: GradeHead) -> GradeHead:
    """The head that an objective wants, from one of K class logits, saying what that one says.

    With z = W x + b the class logits and M z + c the objective's by `Objective.from_classes`, the rows are
    M W and the biases M b + c; a row that all logits share is the mean of the rows of M W. Logits that are
    differences of class logits, each squashed at s, are squashed at 2 s.

    Args:
        objective: What the logits will mean.
        classes: A row for each grade, of an LM's grade words or zeros.
    """
    mix, offset = objective.from_classes(classes.n_logits)
    rows = mix @ classes.weight.detach()
    return GradeHead(
        rows.mean(dim=0, keepdim=True) if objective.shares_row else rows,
        mix @ classes.bias.detach() + offset,
        softcap_for(objective, classes.n_logits, classes.softcap),
    )


def saved_head(
    objective: Objective, n_grades: int, state: Mapping[str, Tensor], softcap: float | None
) -> GradeHead:
    """A head as its `state_dict` was kept.

    Args:
        objective: What the logits mean.
        n_grades: K.
        state: "weight" and "bias".
        softcap: Where the LM squashes its class logits, or None.

    Raises:
        ShapeError: It lacks one of them.
    """
    if missing := {"weight", "bias"} - state.keys():
        raise ShapeError(f"head: expected weight and bias, received no {' and no '.join(sorted(missing))}")
    return GradeHead(state["weight"], state["bias"], softcap_for(objective, n_grades, softcap))


def softcap_for(objective: Objective, n_grades: int, softcap: float | None) -> float | None:
    """Where an objective's logits are squashed if class logits are at `softcap`: the largest they can be."""
    if softcap is None:
        return None
    mix, _ = objective.from_classes(n_grades)
    return softcap * float(mix.abs().sum(dim=1).max())


def check_head(head: GradeHead, objective: Objective, n_grades: int) -> None:
    """Refuse a head that gives other logits than the objective reads.

    Raises:
        ShapeError: It has other rows or biases.
    """
    expected = objective.n_logits(n_grades)
    rows = 1 if objective.shares_row else expected
    if (len(head.weight), head.n_logits) != (rows, expected):
        raise ShapeError(
            f"head: expected {rows} rows and {expected} biases for {n_grades} grades under "
            f"{type(objective).__name__}, received {len(head.weight)} and {head.n_logits}"
        )
