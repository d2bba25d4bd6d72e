"""What the rest of darl asks of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, PlainSerializer

from darl.grades import GradeScale
from darl.pairs import Pair
from darl.predictions import FloatArray, Predictions
from darl.progress import SILENT, Progress

FORM = re.compile(r"(tuned|frozen|likelihood)(?:\.(query|item))?(?:@([1-9][0-9]*))?")


@dataclass(frozen=True)
class FeatureView:
    """Which vectors stand for a pair; written WEIGHTS[.TEXT][@LAYER], say `frozen`, `frozen.item`, `tuned@4`.

    Args:
        weights: "tuned" for the model as it is, "frozen" for the backbone before any fine-tuning, which sees
            the world as pre-training left it. "likelihood" is no vector but two numbers, of a causal LM: the
            mean log-probability a token of the text under the frozen weights, and under the tuned ones.
        text: "pair" for what the grade head would read (of a likelihood: the query and the item in the
            prompt); "query" or "item" for that text read by itself, the mean over its tokens: where the
            query or the item is new is seen better without the other.
        layer: States after so many layers, from 1; None = the last, which a likelihood always is of.

    Raises:
        ValueError: A layer below 1, or one of a likelihood.
    """

    weights: Literal["tuned", "frozen", "likelihood"] = "tuned"
    text: Literal["pair", "query", "item"] = "pair"
    layer: int | None = None

    def __post_init__(self) -> None:
        if self.layer is not None and self.layer < 1:
            raise ValueError(f"layer: expected at least 1, received {self.layer}")
        if self.layer is not None and self.weights == "likelihood":
            raise ValueError(f"layer: expected none for a likelihood, received {self.layer}")

    @classmethod
    def parse(cls, text: str) -> FeatureView:
        """Read what `str` writes.

        >>> FeatureView.parse("frozen.item@4")
        FeatureView(weights='frozen', text='item', layer=4)

        Raises:
            ValueError: It is not of that form.
        """
        found = FORM.fullmatch(text)
        if not found:
            raise ValueError(
                "expected tuned or frozen, then .query or .item for one of the texts, then @N for the states "
                "after N layers (frozen, frozen.item, tuned@4), or likelihood, then .query or .item, "
                f"received {text!r}"
            )
        parts: tuple[Any, Any, str | None] = found.group(1), found.group(2) or "pair", found.group(3)
        return cls(parts[0], parts[1], int(parts[2]) if parts[2] else None)

    @property
    def gives(self) -> Literal["features", "likelihoods"]:
        """What a detector finds in it: vectors (N, D), or likelihoods (N, 2)."""
        return "likelihoods" if self.weights == "likelihood" else "features"

    @property
    def alike(self) -> FeatureView:
        """Where pairs that are alike lie near: this view, or the frozen one of the same text."""
        return FeatureView("frozen", self.text) if self.weights == "likelihood" else self

    @property
    def passes(self) -> int:
        """Forward passes over pairs to grade them and to see them so; single texts are few and count none."""
        return 2 if self.text == "pair" and self != FeatureView() else 1

    def __str__(self) -> str:
        text = "" if self.text == "pair" else f".{self.text}"
        return f"{self.weights}{text}" + ("" if self.layer is None else f"@{self.layer}")


def _read(value: Any) -> FeatureView:  # noqa: ANN401 - whatever the file holds
    return value if isinstance(value, FeatureView) else FeatureView.parse(str(value))


ViewField = Annotated[FeatureView, BeforeValidator(_read), PlainSerializer(str)]
TUNED, FROZEN = FeatureView(), FeatureView("frozen")


class RelevanceModel(Protocol):
    """Anything that grades pairs."""

    @property
    def grade_scale(self) -> GradeScale:
        """The grades it knows."""

    def predict(self, pairs: Sequence[Pair], *, progress: Progress = SILENT) -> Predictions:
        """Grade N pairs, in their order; the features are those of the view `tuned`."""

    def features(
        self, pairs: Sequence[Pair], view: FeatureView, *, progress: Progress = SILENT
    ) -> FloatArray:
        """(N, D) vectors or (N, 2) likelihoods of the pairs, in their order; D depends on the view."""


def seen_in(
    view: FeatureView, model: RelevanceModel, pairs: Sequence[Pair], own: Predictions, progress: Progress
) -> Predictions:
    """The model's `own` predictions of pairs with another view's features."""
    return own if view == TUNED else own.with_features(model.features(pairs, view, progress=progress))


def predict_with(
    model: RelevanceModel, pairs: Sequence[Pair], view: FeatureView, *, progress: Progress = SILENT
) -> Predictions:
    """The model's grades with another view's features."""
    if view == TUNED:
        return model.predict(pairs, progress=progress)
    # First what the model may not have.
    features = model.features(pairs, view, progress=progress)
    return model.predict(pairs, progress=progress).with_features(features)
