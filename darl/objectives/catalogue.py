"""The objectives by name."""

from __future__ import annotations

from darl.objectives.base import Objective
from darl.objectives.soft_grades import SoftGrades
from darl.objectives.softmax import Softmax

OBJECTIVES: dict[str, type[Objective]] = {
    "soft_grades": SoftGrades,
    "softmax": Softmax,
}
