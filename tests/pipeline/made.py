"""For tests of folders of predictions: pairs, a saved model, a model that knows nothing, one who listens."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.grades import GradeScale
from darl.pairs import Pair
from darl.predictions import Predictions
from darl.progress import Silent
from tests.tiny import toy_pairs

PAIRS = [one.pair for one in toy_pairs(25, queries=5)]


def saved_model(folder: Path, backbone: Path, ood: dict | None = None) -> Path:
    """An untrained model whose prompt reads a brand, with the detector that `ood` says."""
    from darl.calibration.config import CalibrationConfig
    from darl.models.build import build_model
    from darl.models.checkpoint import save_model
    from darl.models.config import AdapterConfig, ModelConfig
    from darl.pipeline.kept import Keeping
    from darl.pipeline.ood_config import OODConfig

    config = ModelConfig(
        backbone=str(backbone),
        prompt="{query} / {item} by {brand}:",
        adapter=AdapterConfig(rank=2),
        max_length=80,
    )
    model = build_model(config, GradeScale(), seed=1)
    detector = None if ood is None else OODConfig.model_validate(ood)
    keeping = Keeping(0, detector, CalibrationConfig.model_validate("none"))
    train, held_out = toy_pairs(30, prefix="t"), toy_pairs(12, prefix="v")
    save_model(model, folder, kept=keeping.of(model, train, held_out, rng=np.random.default_rng(0)))
    return folder


def parts(folder: Path) -> list[Path]:
    """The shards that are there."""
    return sorted(folder.glob("part-*.parquet"))


def content(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but the lock."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def living_pairs() -> int:
    """How many pairs are in memory."""
    return sum(type(one) is Pair for one in gc.get_objects())


@dataclass
class Written:
    """A file that is kept with a model, whatever it holds."""

    holds: bytes

    def save(self, path: Path) -> None:
        path.write_bytes(self.holds)


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.tasks: list[tuple[float, str]] = []
        self.done = 0.0

    def message(self, text: str) -> None:
        self.messages.append(text)

    def start(self, task: str, total: float, unit: str) -> None:
        self.tasks.append((total, unit))
        self.done = 0.0

    def advance(self, n: float) -> None:
        self.done += n


class Uniform:
    """Says the same of every pair; tells of each pair `telling` times."""

    grade_scale = GradeScale()

    def __init__(self, telling: float) -> None:
        self.telling = telling

    def predict(self, pairs, *, progress) -> Predictions:
        n = len(pairs)
        for unit, told in (("texts", 9), ("pairs", self.telling * n)):
            progress.start("work", n, unit)
            progress.advance(told)
            progress.finish()
        return Predictions(np.zeros((n, 3)), np.full((n, 3), 1 / 3), np.full((n, 4), 1e9))
