"""How far pairs are from what a model was trained on, kept with the model as one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from darl.catalogue import Component, build
from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.files import whole_file
from darl.models.base import FeatureView, RelevanceModel, seen_in
from darl.models.checkpoint import CARD, read_card
from darl.models.reference import Reference
from darl.ood.base import OODDetector
from darl.ood.catalogue import DETECTORS
from darl.pairs import Pair
from darl.predictions import Predictions, ood_percentiles
from darl.progress import SILENT, Progress

FORMAT = 1
GAUGE = "ood.safetensors"
ABOUT, HELD_OUT = "darl.ood", "held_out"
OOD_SCORE, OOD_PERCENTILE = "ood_score", "ood_percentile"
COLUMNS = (OOD_SCORE, OOD_PERCENTILE)


@dataclass(frozen=True)
class Gauge:
    """A fitted detector, and what is usual for it; threads may share it.

    Args:
        view: The features that it reads.
        component: The detector's name and arguments.
        detector: Fitted on training pairs in that view.
        held_out: (M,) its ood_scores of M >= 1 in-distribution pairs that were not trained on, rising.

    Raises:
        ShapeError: No held-out pairs, or scores of another form.
    """

    view: FeatureView
    component: Component
    detector: OODDetector
    held_out: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        scores = self.held_out
        if scores.ndim != 1 or scores.dtype != np.float64 or not len(scores):
            raise ShapeError(
                f"held_out: expected float64 (M,), M >= 1, received {scores.dtype} {scores.shape}"
            )
        if not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ShapeError("held_out: expected finite numbers that rise")

    @classmethod
    def fit(cls, component: Component, reference: Reference, view: FeatureView) -> Gauge:
        """Fit a detector on the reference's training pairs, and score its held-out ones.

        Raises:
            ConfigError: No such detector.
            ShapeError: Too few training pairs for it, or no held-out ones.
        """
        detector = build("detector", DETECTORS, component).fit(reference.fit[view], reference.grades)
        return cls(view, component, detector, np.sort(detector.score(reference.held_out[view])))

    def ood_scores(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """(N,) of N pairs, seen in `view`; larger is further from the training distribution.

        Raises:
            ShapeError: Predictions of another model, or in another view.
        """
        return self.detector.score(predictions)

    def percentiles(self, ood_scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(N,) share of the held-out in-distribution pairs that are less unusual, 0 to 100."""
        return ood_percentiles(ood_scores, self.held_out)

    def columns(
        self,
        model: RelevanceModel,
        pairs: Sequence[Pair],
        predictions: Predictions,
        *,
        progress: Progress = SILENT,
    ) -> dict[str, npt.NDArray[np.float64]]:
        """`ood_score` and `ood_percentile` of N pairs.

        Args:
            model: The one it is kept with.
            pairs: N pairs.
            predictions: The model's of them, as it gives them; another view is computed.
            progress: Told how far that is.
        """
        scores = self.ood_scores(seen_in(self.view, model, pairs, predictions, progress))
        return dict(zip(COLUMNS, (scores, self.percentiles(scores)), strict=True))

    def save(self, path: Path) -> None:
        """Write as one safetensors file, whole or not at all; equal gauges give equal bytes."""
        about = {"format": FORMAT, "view": str(self.view), "detector": self.component.model_dump(mode="json")}
        with whole_file(path) as temporary:
            # One entry: safetensors writes several in any order.
            save_file(
                {HELD_OUT: self.held_out, **self.detector.state()}, temporary, {ABOUT: json.dumps(about)}
            )

    @classmethod
    def load(cls, path: Path) -> Gauge:
        """Read back what `save` wrote: it scores to the last bit as the one that was saved.

        Raises:
            CheckpointError: It is not a file that `save` of this version wrote.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                about = json.loads((file.metadata() or {})[ABOUT])
                arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            if about["format"] != FORMAT:
                raise ValueError(f"expected format {FORMAT}, received {about['format']!r}")
            component, held_out = Component.model_validate(about["detector"]), arrays.pop(HELD_OUT)
            detector = build("detector", DETECTORS, component).restored(arrays)
            return cls(FeatureView.parse(about["view"]), component, detector, held_out)
        except (KeyError, TypeError, ValueError, OSError, SafetensorError, ShapeError, ConfigError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
            raise CheckpointError(
                f"{path}: not a detector as this version of darl keeps it ({what}): copy the model's folder "
                "again, train again, or predict without it (--no-ood)"
            ) from error


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
