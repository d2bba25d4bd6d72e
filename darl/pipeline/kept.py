"""What is kept with a model beside its weights: what `darl select` and `darl predict` read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from darl.calibration.config import CalibrationConfig
from darl.calibration.store import CalibrationFile
from darl.data.pool import Pool
from darl.errors import ShapeError
from darl.models.base import FROZEN, TUNED, RelevanceModel
from darl.models.checkpoint import CALIBRATION, Kept
from darl.models.reference import REFERENCE, Reference, take_reference
from darl.pairs import NO_RATINGS, GradedPair, Ratings
from darl.pipeline.calibrate import MOST_TRAFFIC, calibration_of
from darl.pipeline.gauge import GAUGE, Gauge
from darl.pipeline.ood_config import OODConfig
from darl.progress import SILENT, Progress


@dataclass(frozen=True)
class Keeping:
    """What is to be kept.

    Attributes:
        reference_size: Training and held-out pairs of the reference; 0 keeps none.
        ood: The detector of the gauge; None keeps none.
        calibration: How held-out pairs calibrate it.
    """

    reference_size: int
    ood: OODConfig | None
    calibration: CalibrationConfig

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

    def calibration_work(self, n_held_out: int, n_traffic: int = 0) -> float:
        """What calibrating costs, in pairs predicted."""
        if self.calibration.is_none:
            return 0.0
        reads_ood = self.ood is not None and self.calibration.may_read_ood
        passes = self.ood.features.passes if self.ood and reads_ood else 1
        traffic = min(n_traffic, MOST_TRAFFIC) if self.calibration.new_traffic and reads_ood else 0
        return float((n_held_out + traffic) * passes)

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
        labels: Sequence[GradedPair] = (),
        ratings: Ratings = NO_RATINGS,
        traffic: Pool | None = None,
        earlier: Sequence[GradedPair] = (),
        progress: Progress = SILENT,
    ) -> Mapping[str, Kept]:
        """What is kept with a trained model, by name of the file; no pair is predicted twice.

        A detector that cannot be fitted on so few pairs is told of and left out: no model is lost for it.

        Args:
            model: The trained model.
            train: Pairs it was trained on.
            held_out: In-distribution pairs it was not trained on.
            rng: Draws where there are more than are wanted.
            labels: What it was trained on besides: pairs that rounds had graded. What is like them is not
                unusual any more, but for a calibration with `new_traffic`, which has to know it again.
            ratings: What several people said of held-out pairs.
            traffic: Pairs as they come, some of them graded; None = nothing is known of it.
            earlier: Graded pairs of earlier traffic.
            progress: Told how far it is.
        """
        kept = self._seen(model, train, held_out, labels, rng, progress) if self.size else {}
        gauge = kept.get(GAUGE)
        calibration = calibration_of(
            model,
            held_out,
            self.calibration,
            gauge if isinstance(gauge, Gauge) else None,
            progress,
            ratings,
            traffic,
            earlier,
        )
        return kept if calibration is None else {**kept, CALIBRATION: CalibrationFile(calibration)}

    def take(
        self,
        model: RelevanceModel,
        train: Sequence[GradedPair],
        held_out: Sequence[GradedPair],
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
    ) -> Reference:
        """What the model says of as many pairs as detector and reference want, in the views they read."""
        views = (TUNED, self.ood.features if self.ood else FROZEN)
        return take_reference(model, train, held_out, views=views, size=self.size, rng=rng, progress=progress)

    def reference(
        self,
        model: RelevanceModel,
        seen: Reference,
        *,
        rng: np.random.Generator,
        progress: Progress = SILENT,
    ) -> Reference:
        """The part of it that `darl select` reads."""
        return seen.drawn(self.reference_size, rng).in_view(FROZEN, model, progress)

    def _seen(
        self,
        model: RelevanceModel,
        train: Sequence[GradedPair],
        held_out: Sequence[GradedPair],
        labels: Sequence[GradedPair],
        rng: np.random.Generator,
        progress: Progress,
    ) -> dict[str, Kept]:
        """What is made of the model's features of training and held-out pairs."""

        def take(pairs: Sequence[GradedPair]) -> Reference:
            return self.take(model, pairs, held_out, rng=rng, progress=progress)

        kept: dict[str, Kept] = {}
        learnt = [*train, *labels]
        apart = bool(labels) and self.ood is not None and self.calibration.new_traffic
        seen = take(train if apart else learnt)
        if self.ood is not None:
            try:
                kept[GAUGE] = gauge_of(self.ood, seen, rng)
            except ShapeError as error:
                progress.message(f"no detector is kept with the model ({error})")
        if self.reference_size:
            seen = take(learnt) if apart else seen
            kept[REFERENCE] = self.reference(model, seen, rng=rng, progress=progress)
        return kept


def gauge_of(ood: OODConfig, seen: Reference, rng: np.random.Generator) -> Gauge:
    """The detector, fitted on at most `ood.size` of the pairs.

    Raises:
        ShapeError: Too few of them.
    """
    return Gauge.fit(ood.detector, seen.drawn(ood.size, rng), ood.features)
