"""The calibrators, and the decision rules, that a config can name."""

from __future__ import annotations

from darl.calibration.base import Calibrator
from darl.calibration.cost import Cost
from darl.calibration.decision import Decision
from darl.calibration.macro_f1 import MacroF1
from darl.calibration.matrix import Matrix
from darl.calibration.most_probable import MostProbable
from darl.calibration.none import Uncalibrated
from darl.calibration.precision import Precision
from darl.calibration.temperature import Temperature
from darl.calibration.vector import Vector

CALIBRATORS: dict[str, type[Calibrator]] = {
    "matrix": Matrix,
    "none": Uncalibrated,
    "temperature": Temperature,
    "vector": Vector,
}

DECISIONS: dict[str, type[Decision]] = {
    "cost": Cost,
    "macro_f1": MacroF1,
    "most_probable": MostProbable,
    "precision": Precision,
}
