"""What is told of pairs: what the model says, calibrated, and beside it how unusual each pair is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from darl.calibration.calibration import Calibration
from darl.errors import ConfigError
from darl.models.base import RelevanceModel
from darl.models.checkpoint import load_model
from darl.pairs import Pair
from darl.pipeline.calibrate import decide, load_calibration
from darl.pipeline.gauge import COLUMNS, OOD_PERCENTILE, Gauge, load_gauge
from darl.predictions import Decisions, FloatArray, Predictions
from darl.progress import SILENT, Progress

NONE: Mapping[str, FloatArray] = MappingProxyType({})


class Told(NamedTuple):
    """What is told of N pairs.

    Attributes:
        decisions: Scores, probabilities, grades, and whether to rely on them.
        measures: By column, (N,) what else is measured of them.
    """

    decisions: Decisions
    measures: Mapping[str, FloatArray] = NONE


@dataclass(frozen=True)
class Teller:
    """What stands between a model's predictions and what is told.

    Attributes:
        calibration: None tells what the model itself says.
        gauge: None measures nothing else.
    """

    calibration: Calibration | None
    gauge: Gauge | None

    @classmethod
    def of(cls, folder: str | Path, *, calibrated: bool = True, ood: bool = True) -> Teller:
        """What is kept with a model.

        Args:
            folder: Of the model.
            calibrated: Whether its calibration is applied, if it has one.
            ood: Whether its detector says how unusual each pair is, if it keeps one.

        Raises:
            ConfigError: Its calibration needs the detector.
            CheckpointError: A file is damaged, of another version of darl, or not this model's.
        """
        folder = Path(folder)
        calibration = load_calibration(folder) if calibrated else None
        gauge = load_gauge(folder) if ood else None
        if calibration is not None and calibration.reads_ood and gauge is None:
            why = "--no-ood" if not ood else str(folder)
            raise ConfigError(
                why,
                [
                    "the model's calibration reads ood_percentile, and there is none: predict with the "
                    "detector, or without the calibration (--no-calibration), or calibrate again"
                ],
            )
        return cls(calibration, gauge)

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns of what it measures."""
        return COLUMNS if self.gauge else ()

    @property
    def abstains(self) -> bool:
        """Whether a rule says of each pair if it is to be relied on."""
        return self.calibration is not None and self.calibration.abstention is not None

    @property
    def reads_ood(self) -> bool:
        """Whether its calibration reads how unusual a pair is."""
        return self.calibration is not None and self.calibration.reads_ood

    @property
    def passes(self) -> int:
        """Times that each pair goes through the model."""
        return self.gauge.view.passes if self.gauge else 1

    def measure(
        self,
        model: RelevanceModel,
        pairs: Sequence[Pair],
        predictions: Predictions,
        *,
        progress: Progress = SILENT,
    ) -> Mapping[str, FloatArray]:
        """By column, (N,) what else is measured of N pairs of which the model said `predictions`."""
        return self.gauge.columns(model, pairs, predictions, progress=progress) if self.gauge else NONE

    def tell(
        self,
        model: RelevanceModel,
        pairs: Sequence[Pair],
        predictions: Predictions,
        *,
        progress: Progress = SILENT,
    ) -> Told:
        """What is told of N pairs.

        Args:
            model: The one that it belongs to.
            pairs: N pairs.
            predictions: What the model says of them.
            progress: Told how far another pass through the model is, if one is needed.
        """
        measures = self.measure(model, pairs, predictions, progress=progress)
        return Told(decide(predictions, pairs, self.calibration, measures.get(OOD_PERCENTILE)), measures)


def tell(
    folder: str | Path,
    pairs: Sequence[Pair],
    *,
    calibrated: bool = True,
    ood: bool = True,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> Told:
    """Grade pairs as `darl predict` does: calibrated, and with how unusual each is and whether to rely on it.

    The model is loaded for each call; for many of them, keep one and a `Teller`.

    Args:
        folder: Of a model.
        pairs: N pairs.
        calibrated: Whether the model's calibration is applied, if it has one.
        ood: Whether its detector says how unusual each pair is, if it keeps one.
        backbone: Where the backbone is now, if not where the model says.
        progress: Told how far it is.

    Raises:
        CheckpointError: The folder cannot be trusted.
        ConfigError: The model's calibration needs the detector.
    """
    teller = Teller.of(Path(folder), calibrated=calibrated, ood=ood)
    model = load_model(folder, backbone=backbone, progress=progress)
    return teller.tell(model, pairs, model.predict(pairs, progress=progress), progress=progress)
