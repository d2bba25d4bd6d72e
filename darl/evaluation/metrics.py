"""The catalogue of metrics."""

from __future__ import annotations

from darl.evaluation.accuracy import ACCURACY
from darl.evaluation.auc import auc_at
from darl.evaluation.aurc import AURC
from darl.evaluation.brier import BRIER
from darl.evaluation.calibration_error import ECE
from darl.evaluation.f1 import MACRO_F1, f1_of
from darl.evaluation.kappa import KAPPA
from darl.evaluation.metric import Metric
from darl.evaluation.ndcg import NDCG
from darl.evaluation.pairwise import PAIRWISE
from darl.grades import GradeScale


def metrics_for(scale: GradeScale) -> dict[str, Metric]:
    """Every metric on a grade scale, by name, in the order of the report.

    >>> " ".join(metrics_for(GradeScale(("no", "yes"))))
    'macro_f1 qwk ndcg@10 auc>=yes pairwise accuracy f1:no f1:yes ece brier aurc'
    """
    top = len(scale) - 1
    # On a scale of two grades, the top grade is also the lowest relevant one.
    aucs = [auc_at(scale, grade) for grade in dict.fromkeys((top, 1))]
    f1s = [f1_of(scale, grade) for grade in range(len(scale))]
    ranking, grading, confidence = [NDCG, *aucs, PAIRWISE], [ACCURACY, *f1s], [ECE, BRIER, AURC]
    return {metric.name: metric for metric in [MACRO_F1, KAPPA, *ranking, *grading, *confidence]}
