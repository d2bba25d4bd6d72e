"""The metrics of probabilities, decisions and abstention: what calibration is judged by."""

from __future__ import annotations

from darl.evaluation.accuracy import ACCURACY
from darl.evaluation.brier import BRIER, brier_of
from darl.evaluation.equal_mass import CHANCE_ECE, CLASSWISE_ECE, MASS_ECE, ece_of
from darl.evaluation.f1 import MACRO_F1
from darl.evaluation.metric import Metric
from darl.evaluation.selective import (
    ANSWERED,
    ANSWERED_ACCURACY,
    AURC,
    COVERAGES,
    EXCESS_AURC,
    accuracy_at,
)
from darl.grades import GradeScale


def calibration_metrics(scale: GradeScale) -> dict[str, Metric]:
    """By name, in the order of the tables.

    >>> list(calibration_metrics(GradeScale(("no", "yes"))))[:6]
    ['ece_mass', 'ece_chance', 'classwise_ece', 'brier', 'macro_f1', 'accuracy']
    """
    metrics = [MASS_ECE, CHANCE_ECE, CLASSWISE_ECE, BRIER, MACRO_F1, ACCURACY, AURC, EXCESS_AURC]
    metrics += [accuracy_at(place) for place in range(len(COVERAGES))]
    metrics += [ANSWERED, ANSWERED_ACCURACY]
    for grade in range(len(scale)):
        metrics += [ece_of(scale, grade), brier_of(scale, grade)]
    return {metric.name: metric for metric in metrics}
