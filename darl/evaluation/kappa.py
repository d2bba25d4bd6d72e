"""Quadratic weighted kappa: agreement beyond chance, where a miss by two grades costs four times one.

    kappa = 1 - sum_ij w_ij O_ij / sum_ij w_ij E_ij,   w_ij = (i - j)^2

O is the confusion matrix and E_ij = gold_i predicted_j / N what chance would give. 1 is perfect, 0 is
chance, below 0 worse than chance. With one grade in gold it is 0 whatever the model says, so it says
nothing and counts as undefined.

Reference: Cohen, Weighted kappa, Psychological Bulletin 70(4), 1968.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import cohen_kappa_score

from darl.evaluation.confusion import as_matrices, confusion
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, ratio
from darl.predictions import FloatArray


def _undefined(judged: Judged) -> str:
    present = len(np.unique(judged.grades))
    return "" if present > 1 else f"needs two grades in gold, the slice has {present}"


def _point(judged: Judged) -> float:
    labels = list(range(judged.n_grades))
    return float(cohen_kappa_score(judged.grades, judged.decided, labels=labels, weights="quadratic"))


def _from_sums(sums: FloatArray) -> FloatArray:
    observed = as_matrices(sums)
    gold, predicted = observed.sum(axis=1), observed.sum(axis=0)
    grades = np.arange(len(observed), dtype=np.float64)
    weights = (grades[:, None] - grades) ** 2
    disagreement = np.einsum("ij,ijr->r", weights, observed) * sums.sum(axis=0)
    by_chance = np.einsum("ir,ij,jr->r", gold, weights, predicted)
    return np.where((gold > 0).sum(axis=0) > 1, 1 - ratio(disagreement, by_chance), np.nan)


KAPPA = Metric(
    name="qwk",
    title="Weighted kappa",
    meaning="Agreement beyond chance, misses weighted by squared distance (QWK); 1 perfect, 0 chance.",
    statistic=confusion,
    from_sums=_from_sums,
    undefined=_undefined,
    point=_point,
)
