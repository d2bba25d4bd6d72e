"""What is kept with a model beside its weights: a reference for `darl select`, a gauge for `darl predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.errors import CheckpointError, ShapeError
from darl.models.base import FROZEN, TUNED, RelevanceModel
from darl.models.checkpoint import CARD, Kept, read_card
from darl.models.reference import REFERENCE, take_reference
from darl.pairs import GradedPair
from darl.pipeline.gauge import GAUGE, Gauge
from darl.pipeline.ood_config import OODConfig
from darl.progress import SILENT, Progress


@dataclass(frozen=True)
class Keeping:
    """What is to be kept.

    Attributes:
        reference_size: Training and held-out pairs of the reference; 0 keeps none.
        ood: The detector of the gauge; None keeps none.
    """

    reference_size: int
    ood: OODConfig | None

    @property
    def size(self) -> int:
        """Training pairs that are predicted for it, at most, and as many held-out ones."""
        return max(self.reference_size, self.ood.size if self.ood else 0)

    def work(self, n_pairs: int) -> float:
        """What it costs of so many training or held-out pairs, in pairs predicted."""
        if self.ood is None:
            return 2.0 * min(n_pairs, self.reference_size)
        frozen = 0 if self.ood.features == FROZEN else min(n_pairs, self.reference_size)
        return float(self.ood.features.passes * min(n_pairs, self.size) + frozen)

    def check(self, model: RelevanceModel) -> None:
        """Refuse now what could not be made when the model is trained.

        Raises:
            ConfigError: The model has no such layer.
        """
        if self.ood is not None:
            model.features((), self.ood.features)

    def of(
        self,
        model: RelevanceModel,
        train: Sequence[GradedPair],
        held_out: Sequence[GradedPair],
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
    ) -> Mapping[str, Kept]:
        """What is kept with a trained model, by name of the file; no pair is predicted twice.

        A detector that cannot be fitted on so few pairs is told of and left out: no model is lost for it.

        Args:
            model: The trained model.
            train: Pairs it was trained on.
            held_out: In-distribution pairs it was not trained on.
            rng: Draws where there are more than are wanted.
            progress: Told how far it is.
        """
        if not self.size:
            return {}
        views = (TUNED, self.ood.features if self.ood else FROZEN)
        seen = take_reference(model, train, held_out, views=views, size=self.size, rng=rng, progress=progress)
        kept: dict[str, Kept] = {}
        if self.ood is not None:
            try:
                fitted_on = seen.drawn(self.ood.size, rng)
                kept[GAUGE] = Gauge.fit(self.ood.detector, fitted_on, self.ood.features)
            except ShapeError as error:
                progress.message(f"no detector is kept with the model ({error})")
        if self.reference_size:
            kept[REFERENCE] = seen.drawn(self.reference_size, rng).in_view(FROZEN, model, progress)
        return kept


def load_gauge(folder: str | Path) -> Gauge | None:
    """The gauge that is kept with a model; None where the model was saved without one.

    Args:
        folder: Of a model. Of its files this one alone is checked; `load_model` checks all.

    Raises:
        CheckpointError: The file is damaged, of another version of darl, or not this model's.
    """
    folder = Path(folder)
    listed = GAUGE in read_card(folder, only=GAUGE).files
    if not listed and (folder / GAUGE).exists():
        raise CheckpointError(
            f"{folder}: {GAUGE} is not in {CARD}, so it is not this model's: take it away, or copy the whole "
            "folder again"
        )
    return Gauge.load(folder / GAUGE) if listed else None
