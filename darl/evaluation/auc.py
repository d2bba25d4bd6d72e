"""AUC at a grade: how well the score puts pairs of that grade or above before the rest.

    AUC = P(score of a pair >= grade is larger than the score of a pair below it), ties counting half

over all such two pairs, across queries. 0.5 is chance, 1 perfect, 0 reversed. At the top grade this is
strong against the rest; at grade 1 it is relevant against irrelevant. Both read `Judged.scores`,
the number that sorts results in use: on a scale of two grades they are the same metric, and there is
one of them.

Reference: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143(1), 1982.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, Statistic, ratio
from darl.grades import GradeScale
from darl.predictions import FloatArray, IntArray


def concordance(scores: FloatArray, positive: npt.NDArray[np.bool_], query_rows: IntArray) -> Statistic:
    """Sums (3, R): concordant two-pairs (ties half), positives and negatives under resamples.

    Args:
        scores: (N,) larger is more relevant.
        positive: (N,) whether a pair is of the grade or above.
        query_rows: (N,) the query of each pair.
    """
    order = np.argsort(scores)
    up, down = order[positive[order]], order[~positive[order]]
    below = np.searchsorted(scores[down], scores[up], side="left")
    up_to = np.searchsorted(scores[down], scores[up], side="right")
    tied = np.flatnonzero(below < up_to)
    up_rows, down_rows = query_rows[up], query_rows[down]

    def sums(counts: FloatArray) -> FloatArray:
        wins = counts[up_rows]
        losses = np.zeros((len(down) + 1, counts.shape[1]))
        np.cumsum(counts[down_rows], axis=0, out=losses[1:])
        concordant = np.einsum("nr,nr->r", wins, losses[below])
        ties = np.einsum("nr,nr->r", wins[tied], losses[up_to[tied]] - losses[below[tied]])
        return np.stack([concordant + ties / 2, wins.sum(axis=0), losses[-1]])

    return sums


def _from_sums(sums: FloatArray) -> FloatArray:
    return ratio(sums[0], sums[1] * sums[2])


def _statistic_at(grade: int) -> Callable[[Judged], Statistic]:
    return lambda judged: concordance(judged.scores, judged.grades >= grade, judged.query_rows)


def auc_at(scale: GradeScale, grade: int) -> Metric:
    """The AUC of a grade and above against what is below, undefined where gold has one side only.

    Args:
        scale: The grades.
        grade: The grade's index, 1..K-1.
    """
    name = scale.name(grade)

    def undefined(judged: Judged) -> str:
        above = int((judged.grades >= grade).sum())
        if not above:
            return f"gold has no pair of grade {name!r} or above"
        return "" if above < len(judged) else f"gold has no pair below grade {name!r}"

    return Metric(
        name=f"auc>={name}",
        title=f"AUC {name}" if grade == len(scale) - 1 else f"AUC {name} or above",
        meaning=f"Chance that a pair graded {name} or above scores higher than one below; 0.5 is chance.",
        statistic=_statistic_at(grade),
        from_sums=_from_sums,
        undefined=undefined,
        point=lambda judged: roc_auc_score(judged.grades >= grade, judged.scores),
    )
