"""Grades that count more than others, for data in which some are rare.

A weight multiplies what a pair of its grade costs. To let every grade count alike in all, take
w_k = N / (K N_k), N_k of the N training pairs having grade k: these weights average 1 over the pairs, so that
the learning rate keeps its meaning. They are numbers, not a rule, as an objective never sees the data.

Weights shift the grade probabilities towards the grades that weigh more: they no longer follow the training
data's frequencies, so calibrate and set thresholds on data of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from darl.errors import ShapeError


def check_class_weights(class_weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """The weights, or None where there are none.

    Raises:
        ValueError: Not a list of at least two finite numbers > 0.
    """
    if class_weights is None:
        return None
    if (
        not isinstance(class_weights, list | tuple)
        or len(class_weights) < 2
        or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in class_weights)
        or not all(0 < one < math.inf for one in class_weights)
    ):
        raise ValueError(
            "class_weights: expected a list of finite numbers > 0, one for each grade, "
            f"received {class_weights!r}"
        )
    return tuple(map(float, class_weights))


def class_weight_faults(class_weights: tuple[float, ...] | None, n_grades: int) -> list[str]:
    """That there are not as many weights as grades, if so."""
    if class_weights is None or len(class_weights) == n_grades:
        return []
    return [f"class_weights: expected {n_grades} numbers, one for each grade, received {len(class_weights)}"]


def weighted_mean(
    costs: Tensor, grades: Tensor, n_grades: int, class_weights: tuple[float, ...] | None
) -> Tensor:
    """mean_i w_(grade_i) cost_i of (B,) costs; without weights the plain mean.

    It is divided by B, not by the sum of the weights: so a pair's share of a step does not depend on which
    pairs it shares a micro-batch with.

    Raises:
        ShapeError: Not as many weights as grades.
    """
    if class_weights is None:
        return costs.mean()
    if faults := class_weight_faults(class_weights, n_grades):
        raise ShapeError(*faults)
    return (costs * costs.new_tensor(class_weights)[grades]).mean()
