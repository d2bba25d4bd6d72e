"""The objectives by name.

Those of K class logits take the grade head of a causal LM as it is, a row for each grade word; `coral` and
`corn` want K - 1 logits, and start from a head that is made of it (see darl/models/head.py).
`confidence_penalty` sees no grades, and is a term beside one that does.
"""

from __future__ import annotations

from darl.objectives.base import Objective
from darl.objectives.class_distance import ClassDistance
from darl.objectives.confidence_penalty import ConfidencePenalty
from darl.objectives.coral import Coral
from darl.objectives.corn import Corn
from darl.objectives.darl import Darl
from darl.objectives.earth_mover import EarthMover
from darl.objectives.focal import Focal
from darl.objectives.in_query_contrast import InQueryContrast
from darl.objectives.label_smoothing import LabelSmoothing
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax
from darl.objectives.weighted import Weighted

OBJECTIVES: dict[str, type[Objective]] = {
    "class_distance": ClassDistance,
    "confidence_penalty": ConfidencePenalty,
    "coral": Coral,
    "corn": Corn,
    "darl": Darl,
    "earth_mover": EarthMover,
    "focal": Focal,
    "in_query_contrast": InQueryContrast,
    "label_smoothing": LabelSmoothing,
    "soft_grades": SoftGrades,
    "softmax": Softmax,
    "weighted": Weighted,
}
