"""What a model says of its own training distribution; detectors are fitted on it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from darl.errors import CheckpointError
from darl.files import whole_file
from darl.models.base import FROZEN, TUNED, FeatureView, RelevanceModel, seen_in
from darl.pairs import GradedPair, Pair
from darl.predictions import IntArray, Predictions
from darl.progress import SILENT, Progress

REFERENCE = "reference.safetensors"
VIEWS = (TUNED, FROZEN)


@dataclass(frozen=True)
class Reference:
    """Predictions for pairs a detector is fitted on, and for held-out pairs that say what is usual.

    Attributes:
        fit: By view, predictions for N training pairs.
        pairs: The N pairs, for further views, and to show what a pool pair is like.
        grades: (N,) their grades.
        held_out: By view, predictions for M in-distribution pairs that were not trained on.
        held_out_pairs: The M pairs.
    """

    fit: Mapping[FeatureView, Predictions]
    pairs: tuple[Pair, ...]
    grades: IntArray
    held_out: Mapping[FeatureView, Predictions]
    held_out_pairs: tuple[Pair, ...]

    def save(self, path: Path) -> None:
        """Write as one safetensors file, whole or not at all."""
        arrays: dict[str, npt.NDArray[Any]] = {"grades": np.asarray(self.grades, np.int64)}
        parts = ("fit", self.fit, self.pairs), ("held_out", self.held_out, self.held_out_pairs)
        for part, views, pairs in parts:
            arrays[f"{part}.pairs"] = np.frombuffer(json.dumps(pairs).encode(), np.uint8)
            for view, predictions in views.items():
                # All views have the same grades.
                arrays[f"{part}.logits"] = np.ascontiguousarray(predictions.logits)
                arrays[f"{part}.grade_probs"] = np.ascontiguousarray(predictions.grade_probs)
                arrays[f"{part}.features.{view}"] = np.ascontiguousarray(predictions.features)
        with whole_file(path) as temporary:
            save_file(arrays, temporary)

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read back what `save` wrote.

        Raises:
            CheckpointError: It is not a file that `save` wrote.
        """

        def part(name: str) -> dict[FeatureView, Predictions]:
            logits, probs = arrays[f"{name}.logits"], arrays[f"{name}.grade_probs"]
            prefix = f"{name}.features."
            views = [key.removeprefix(prefix) for key in arrays if key.startswith(prefix)]
            return {
                FeatureView.parse(view): Predictions(logits, probs, arrays[prefix + view]) for view in views
            }

        def pairs(name: str) -> tuple[Pair, ...]:
            return tuple(_pair(*fields) for fields in json.loads(arrays[f"{name}.pairs"].tobytes()))

        try:
            arrays = load_file(path)
            return cls(part("fit"), pairs("fit"), arrays["grades"], part("held_out"), pairs("held_out"))
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise CheckpointError(
                f"{path}: not a reference as this version of darl writes it ({what}): train again, or give "
                "graded training pairs (--train FILE)"
            ) from error

    def in_view(self, view: FeatureView, model: RelevanceModel, progress: Progress = SILENT) -> Reference:
        """The same with another view, which is computed if it is not kept."""
        if view in self.fit:
            return self

        def seen(
            kept: Mapping[FeatureView, Predictions], pairs: Sequence[Pair]
        ) -> dict[FeatureView, Predictions]:
            own = next(iter(kept.values()))
            return {**kept, view: seen_in(view, model, pairs, own, progress)}

        return replace(
            self, fit=seen(self.fit, self.pairs), held_out=seen(self.held_out, self.held_out_pairs)
        )

    def drawn(self, size: int, rng: np.random.Generator) -> Reference:
        """At most `size` of the training pairs and as many of the held-out ones, drawn by `rng`."""
        fit, held_out = (some_rows(len(pairs), size, rng) for pairs in (self.pairs, self.held_out_pairs))
        return Reference(
            {view: predictions[fit] for view, predictions in self.fit.items()},
            tuple(self.pairs[row] for row in fit),
            self.grades[fit],
            {view: predictions[held_out] for view, predictions in self.held_out.items()},
            tuple(self.held_out_pairs[row] for row in held_out),
        )


def _pair(
    query_id: str, query: str, item_id: str, item: str, domain: str, fields: list[tuple[str, str]]
) -> Pair:
    return Pair(query_id, query, item_id, item, domain, tuple((name, text) for name, text in fields))


def take_reference(
    model: RelevanceModel,
    train: Sequence[GradedPair],
    held_out: Sequence[GradedPair],
    *,
    views: Sequence[FeatureView] = VIEWS,
    size: int | None = None,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> Reference:
    """Predict the training and the held-out pairs.

    Args:
        model: Whose view of them it is.
        train: Pairs it was trained on.
        held_out: In-distribution pairs it was not trained on.
        views: Views to keep.
        size: At most so many of each, drawn by `rng`; None = all.
        rng: Draws.
        progress: Told how far it is.
    """
    fit, held = ([part[row] for row in some_rows(len(part), size, rng)] for part in (train, held_out))
    seen = [_seen(model, [one.pair for one in part], views, progress) for part in (fit, held)]
    grades = np.asarray([one.grade for one in fit], np.int64)
    pairs = [tuple(one.pair for one in part) for part in (fit, held)]
    return Reference(seen[0], pairs[0], cast(IntArray, grades), seen[1], pairs[1])


def some_rows(n: int, size: int | None, rng: np.random.Generator) -> IntArray:
    """Increasing rows: at most `size` of n, all of them where it is None."""
    if size is None or n <= size:
        return np.arange(n)
    return cast(IntArray, np.sort(rng.choice(n, size, replace=False)))


def _seen(
    model: RelevanceModel, pairs: Sequence[Pair], views: Sequence[FeatureView], progress: Progress
) -> dict[FeatureView, Predictions]:
    own = model.predict(pairs, progress=progress)
    return {view: seen_in(view, model, pairs, own, progress) for view in dict.fromkeys(views)}
