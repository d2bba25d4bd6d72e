"""F1 of each grade and their mean.

F1 of grade k = 2 TP_k / (gold_k + predicted_k): the harmonic mean of precision and recall, 0 to 1.

Macro-F1 is the plain mean over the grades *present in gold*. A grade without a gold pair has no recall,
so it has no F1 and takes no part; pairs wrongly predicted as such a grade still count, as misses of
their own grade. Under a resample, the grades present are those of the resample. Two slices with other
grades present are means over other grades: the report says where that is so.

Reference: van Rijsbergen, Information Retrieval, 2nd ed., 1979; the mean of F1s rather than the F1 of
means is the form that Opitz and Burst recommend (2019, arXiv 1911.03347).
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import f1_score

from darl.evaluation.confusion import as_matrices, confusion, true_positives
from darl.evaluation.judged import Judged
from darl.evaluation.metric import Metric, ratio
from darl.grades import GradeScale
from darl.predictions import FloatArray


def _f1_by_grade(sums: FloatArray) -> FloatArray:
    """(K, R) F1 of each grade; NaN where gold has none of it."""
    matrices = as_matrices(sums)
    gold, predicted = matrices.sum(axis=1), matrices.sum(axis=0)
    return np.where(gold > 0, ratio(2 * true_positives(matrices), gold + predicted), np.nan)


def _macro_from_sums(sums: FloatArray) -> FloatArray:
    f1 = _f1_by_grade(sums)
    return ratio(np.nansum(f1, axis=0), np.isfinite(f1).sum(axis=0))


def _macro_point(judged: Judged) -> float:
    present = np.unique(judged.grades)
    return float(f1_score(judged.grades, judged.decided, labels=present, average="macro", zero_division=0))


MACRO_F1 = Metric(
    name="macro_f1",
    title="Macro-F1",
    meaning="Mean F1 over the grades present in gold, each grade counting the same; 0 to 1.",
    statistic=confusion,
    from_sums=_macro_from_sums,
    point=_macro_point,
)


def f1_of(scale: GradeScale, grade: int) -> Metric:
    """The F1 of one grade, undefined on a slice whose gold has none of it.

    Args:
        scale: The grades.
        grade: The grade's index.
    """

    def undefined(judged: Judged) -> str:
        return "" if (judged.grades == grade).any() else f"gold has no pair of grade {scale.name(grade)!r}"

    def point(judged: Judged) -> float:
        by_grade = f1_score(judged.grades, judged.decided, labels=[grade], average=None, zero_division=0)
        return float(by_grade[0])

    return Metric(
        name=f"f1:{scale.name(grade)}",
        title=f"F1 of {scale.name(grade)}",
        meaning=f"Harmonic mean of precision and recall of the grade {scale.name(grade)}; 0 to 1.",
        statistic=confusion,
        from_sums=lambda sums: _f1_by_grade(sums)[grade],
        undefined=undefined,
        point=point,
    )
