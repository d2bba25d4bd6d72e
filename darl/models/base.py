"""What the rest of darl asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from darl.grades import GradeScale
from darl.pairs import Pair
from darl.predictions import Predictions
from darl.progress import SILENT, Progress

FeatureSource = Literal["tuned", "frozen"]


class RelevanceModel(Protocol):
    """Anything that grades pairs."""

    @property
    def grade_scale(self) -> GradeScale:
        """The grades it knows."""

    def predict(
        self, pairs: Sequence[Pair], *, features: FeatureSource = "tuned", progress: Progress = SILENT
    ) -> Predictions:
        """Grade N pairs, in their order.

        Args:
            pairs: What to grade.
            features: "tuned" for the model as it is, "frozen" for the backbone before any fine-tuning
                (its features see the world as pre-training left it; its logits mean little).
            progress: Told how far it is.
        """
