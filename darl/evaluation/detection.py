"""How well ood_scores tell out-of-distribution pairs from in-distribution ones.

AUROC is the chance that an OOD pair scores higher than an in-distribution one, ties counting half: 0.5 is
chance. AUPR is the average precision with OOD pairs as positives: chance is their share. FPR95 is the share
of in-distribution pairs at or above the threshold that catches 95 % of the OOD pairs: smaller is better.

References: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in
Neural Networks, 2017, arXiv 1610.02136; FPR95 as in Hendrycks, Mazeika and Dietterich, Deep Anomaly Detection
with Outlier Exposure, 2019, arXiv 1812.04606. (ODIN and others fix the share of in-distribution pairs that
pass at 95 % instead, and count the OOD pairs that pass with them.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from darl.errors import ShapeError
from darl.evaluation.auc import concordance
from darl.evaluation.bootstrap import query_counts
from darl.predictions import FloatArray

CAUGHT = 0.95


class Detection(NamedTuple):
    """How well two sets of scores are told apart; see the module."""

    auroc: float
    aupr: float
    fpr95: float


class Scored(NamedTuple):
    """(N,) ood_scores and the query of each pair."""

    ood_scores: FloatArray
    query_ids: npt.NDArray[np.str_]


def detection(in_dist: FloatArray, ood: FloatArray) -> Detection:
    """The three measures.

    Args:
        in_dist: (M,) ood_scores of in-distribution pairs.
        ood: (N,) those of OOD pairs.

    Raises:
        ShapeError: One of the two is empty.
    """
    if not len(in_dist) or not len(ood):
        raise ShapeError(f"expected in-distribution and OOD pairs, received {len(in_dist)} and {len(ood)}")
    scores = np.concatenate([in_dist, ood])
    is_ood = np.arange(len(scores)) >= len(in_dist)
    # The largest threshold that at least 95 % of the OOD scores reach.
    threshold = np.sort(ood)[len(ood) - int(np.ceil(CAUGHT * len(ood)))]
    return Detection(
        float(roc_auc_score(is_ood, scores)),
        float(average_precision_score(is_ood, scores)),
        float((in_dist >= threshold).mean()),
    )


def auroc_replicates(
    in_dist: Scored, ood: Scored, resamples: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(R,) AUROC with queries drawn with replacement; NaN where a side has a single query.

    Where both sides are of the same queries, put differently, a draw counts for both; otherwise each side's
    queries are drawn by themselves.

    Args:
        in_dist: In-distribution pairs.
        ood: OOD pairs.
        resamples: R.
        rng: Draws the queries: the same state gives the same draws, so that differences are paired.
    """
    found = [np.unique(side.query_ids, return_inverse=True) for side in (in_dist, ood)]
    names, rows = zip(*found, strict=True)
    if min(map(len, names)) < 2:
        return np.full(resamples, np.nan)
    same = np.array_equal(*names)
    statistic = concordance(
        np.concatenate([in_dist.ood_scores, ood.ood_scores]).astype(np.float64),
        np.arange(len(rows[0]) + len(rows[1])) >= len(rows[0]),
        np.concatenate([rows[0], rows[1] + (0 if same else len(names[0]))]),
    )
    draws = zip(*(query_counts(len(side), resamples, rng) for side in names[: 1 if same else 2]), strict=True)
    sums = np.concatenate([statistic(np.concatenate(counts)) for counts in draws], axis=1)
    concordant: npt.NDArray[np.float64] = sums[0] / (sums[1] * sums[2])
    return concordant
