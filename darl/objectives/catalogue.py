"""The objectives by name.

`Coral` and `Corn` are not here: they want K - 1 logits, and the grade head of a causal LM has a row for each
of K grade words.
"""

from __future__ import annotations

from darl.objectives.base import Objective
from darl.objectives.class_distance import ClassDistance
from darl.objectives.earth_mover import EarthMover
from darl.objectives.focal import Focal
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.label_smoothing import LabelSmoothing
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from darl.objectives.weighted import Weighted

OBJECTIVES: dict[str, type[Objective]] = {
    "class_distance": ClassDistance,
    "earth_mover": EarthMover,
    "focal": Focal,
    "in_query_contrast": InQueryContrast,
    "label_smoothing": LabelSmoothing,
    "soft_grades": SoftGrades,
    "softmax": Softmax,
    "weighted": Weighted,
}
