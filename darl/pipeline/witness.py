"""Who says of every pair of a file what its grade should be, without having been told it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.data.readers import read_pairs
from darl.data.splits import normalise_query
from darl.errors import ConfigError, DataError, Fault
from darl.evaluation.cross_fit import cross_fit, query_folds
from darl.evaluation.match import grades_around, match_features
from darl.grades import GradeScale
from darl.models.base import FeatureView
from darl.models.build import build_model
from darl.models.checkpoint import load_model, read_card
from darl.models.config import ModelConfig
from darl.models.prompt import template_fields
from darl.models.reference import REFERENCE, Reference
from darl.pairs import Pair
from darl.pipeline.audit import Testimony
from darl.pipeline.calibrate import load_calibration
from darl.predictions import FloatArray, IntArray
from darl.progress import SILENT, Progress

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class CrossFit:
    """A regression on what a frozen encoder sees of each pair, fitted anew for each fold of the queries.

    Args:
        encoder: A built-in name, a folder or a hub id.
        folds: How many; each is told nothing of its own grades.
        fields: Extra item fields that are read after the item.
        seed: Of the folds.
    """

    encoder: str = "minilm-l6"
    folds: int = 5
    fields: tuple[str, ...] = ()
    seed: int = 0

    @property
    def grades(self) -> tuple[str, ...]:
        """Any."""
        return ()

    @property
    def how(self) -> str:
        """Who it is, in words."""
        return f"a regression on frozen {self.encoder}, fitted on other queries ({self.folds} folds)"

    def hear(self, pairs: Sequence[Pair], scale: GradeScale, *, progress: Progress = SILENT) -> Testimony:
        """Out-of-fold probabilities, whatever the grades: the encoder reads each text once.

        Raises:
            ConfigError: Fewer queries than folds, or an encoder that cannot be loaded.
        """
        rows = _query_rows(pairs)
        folds = query_folds(rows, self.folds, np.random.default_rng(self.seed))
        prompt = " ".join(("{query}\n{item}", *(f"{{{name}}}" for name in self.fields)))
        model = build_model(ModelConfig(backbone=self.encoder, prompt=prompt), scale, progress=progress)
        queries = model.features(pairs, FeatureView("frozen", "query"), progress=progress)
        items = model.features(pairs, FeatureView("frozen", "item"), progress=progress)
        match = match_features(pairs, rows, queries, items)

        def testimony(grades: IntArray) -> FloatArray:
            around = grades_around(grades, len(scale), rows, items)
            return cross_fit(np.concatenate([match, around], axis=1), grades, folds, len(scale))

        return testimony


def _query_rows(pairs: Sequence[Pair]) -> IntArray:
    """(N,) the query of each pair, as `normalise_query` has it: what is one to a reader is in one fold."""
    return np.unique([normalise_query(pair.query) for pair in pairs], return_inverse=True)[1]


@dataclass(frozen=True)
class Model:
    """A trained model. Of pairs that it was trained on it says what it was told.

    Args:
        folder: Its folder.
        backbone: Where its backbone is now, if not where it says.
    """

    folder: Path
    backbone: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Extra item fields of its prompt."""
        return template_fields(read_card(self.folder).model.prompt)

    @property
    def grades(self) -> tuple[str, ...]:
        """The names of the grades that it knows."""
        return tuple(read_card(self.folder).grades)

    @property
    def how(self) -> str:
        """Who it is, in words."""
        return f"the model {self.folder}"

    def hear(self, pairs: Sequence[Pair], scale: GradeScale, *, progress: Progress = SILENT) -> Testimony:
        """Its probabilities, calibrated; tells how many pairs it was trained on, as far as it knows.

        Raises:
            ConfigError: It has other grades.
            CheckpointError: The folder cannot be trusted.
        """
        if self.grades != scale.names:
            received = f"received a model of {', '.join(self.grades)}"
            raise ConfigError("model", [f"expected the grades {', '.join(scale.names)}, {received}"])
        if n := self._trained_on(pairs):
            progress.message(
                f"{self.folder} was trained on {n:,} or more of these pairs: it repeats their grades, right "
                "or wrong. Audit with --errors, or with a model that was not."
            )
        calibration = load_calibration(self.folder)
        model = load_model(self.folder, backbone=self.backbone, progress=progress)
        probs = model.predict(pairs, progress=progress).grade_probs
        if calibration is not None:
            probs = calibration.calibrators.apply(probs, np.array([pair.domain for pair in pairs]))
        return lambda _: probs

    def _trained_on(self, pairs: Sequence[Pair]) -> int:
        """How many of the pairs are among those of its training that it has kept."""
        file = self.folder / REFERENCE
        known = {(pair.query, pair.item) for pair in Reference.load(file).pairs} if file.is_file() else set()
        return sum((pair.query, pair.item) in known for pair in pairs)


@dataclass(frozen=True)
class PredictionFile:
    """What `darl predict` wrote, or any file with query, item and a column `prob_NAME` for each grade.

    Args:
        path: The file.
        fields: Extra item fields that are read of the audited files.
    """

    path: Path
    fields: tuple[str, ...] = ()

    @property
    def grades(self) -> tuple[str, ...]:
        """Any."""
        return ()

    @property
    def how(self) -> str:
        """Who it is, in words."""
        return f"the predictions in {self.path}"

    def hear(self, pairs: Sequence[Pair], scale: GradeScale, *, progress: Progress = SILENT) -> Testimony:
        """What the file has of these pairs, found by their ids.

        Raises:
            DataError: The file is wrong, lacks a column or a pair, or has a row that is no distribution.
        """
        columns = [f"prob_{name}" for name in scale.names]
        found: dict[tuple[str, str], list[float]] = {}
        for pair in read_pairs(self.path, item_fields=columns, progress=progress):
            found.setdefault((pair.query_id, pair.item_id), [_number(pair.field(name)) for name in columns])
        keys = [(pair.query_id, pair.item_id) for pair in pairs]
        if absent := [key for key in keys if key not in found]:
            raise DataError(
                f"{len(absent)} of the audited pairs have no prediction",
                [
                    Fault(str(self.path), 0, "", f"expected query_id {query!r} and item_id {item!r}")
                    for query, item in absent
                ],
            )
        probs = np.array([found[key] for key in keys])
        wrong = np.flatnonzero(~(np.abs(probs.sum(axis=1) - 1) <= SUM_TOLERANCE) | (probs < 0).any(axis=1))
        if len(wrong):
            expected = f"{', '.join(columns)}: expected probabilities that sum to 1"
            faults = [f"{expected}, received {found[keys[row]]} of {keys[row]}" for row in wrong]
            raise DataError(str(self.path), [Fault(str(self.path), 0, "", fault) for fault in faults])
        return lambda _: probs


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
