"""What a model says of its own training distribution; detectors are fitted on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from darl.files import whole_file
from darl.models.base import FeatureSource, RelevanceModel
from darl.pairs import GradedPair
from darl.predictions import IntArray, Predictions
from darl.progress import SILENT, Progress

REFERENCE = "reference.safetensors"
SOURCES: tuple[FeatureSource, ...] = ("tuned", "frozen")


@dataclass(frozen=True)
class Reference:
    """Predictions for pairs a detector is fitted on, and for held-out pairs that say what is usual.

    Attributes:
        fit: By feature source, predictions for N training pairs.
        grades: (N,) their grades.
        held_out: By feature source, predictions for M in-distribution pairs that were not trained on.
    """

    fit: Mapping[FeatureSource, Predictions]
    grades: IntArray
    held_out: Mapping[FeatureSource, Predictions]

    def save(self, path: Path) -> None:
        """Write as one safetensors file, whole or not at all."""
        arrays: dict[str, npt.NDArray[Any]] = {"grades": np.asarray(self.grades, np.int64)}
        for part, views in (("fit", self.fit), ("held_out", self.held_out)):
            for source, predictions in views.items():
                arrays |= predictions.arrays(f"{part}.{source}.")
        with whole_file(path) as temporary:
            save_file(arrays, temporary)

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read back what `save` wrote."""
        arrays = load_file(path)

        def part(name: str) -> dict[FeatureSource, Predictions]:
            sources = [source for source in SOURCES if f"{name}.{source}.logits" in arrays]
            return {source: Predictions.from_arrays(arrays, f"{name}.{source}.") for source in sources}

        return cls(part("fit"), arrays["grades"], part("held_out"))


def take_reference(
    model: RelevanceModel,
    train: Sequence[GradedPair],
    held_out: Sequence[GradedPair],
    *,
    sources: Sequence[FeatureSource] = SOURCES,
    size: int | None = None,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> Reference:
    """Predict the training and the held-out pairs.

    Args:
        model: Whose view of them it is.
        train: Pairs it was trained on.
        held_out: In-distribution pairs it was not trained on.
        sources: Feature sources to keep.
        size: At most so many of each, drawn by `rng`; None = all.
        rng: Draws.
        progress: Told how far it is.
    """

    def some(graded: Sequence[GradedPair]) -> list[GradedPair]:
        if size is None or len(graded) <= size:
            return list(graded)
        return [graded[row] for row in sorted(rng.choice(len(graded), size, replace=False))]

    fit, held = some(train), some(held_out)
    predictions = [
        {
            source: model.predict([one.pair for one in part], features=source, progress=progress)
            for source in sources
        }
        for part in (fit, held)
    ]
    grades = np.asarray([one.grade for one in fit], np.int64)
    return Reference(predictions[0], cast(IntArray, grades), predictions[1])
