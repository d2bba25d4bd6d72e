"""What is compared. Each reads the same texts with the same weights, tokenisation included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.engine.causal import CausalReranker
from benchmarks.engine.clock import say
from benchmarks.engine.cross_encoder import CrossEncoderContender
from benchmarks.engine.setup import Setup
from darl.models.checkpoint import load_model, save_model
from darl.pairs import Pair
from darl.pipeline.export import Tolerance, export

Scores = npt.NDArray[np.float64]

DARL, INT8 = "darl", "darl int8"
CE_DEFAULT, CE_BEST, CAUSAL = "CrossEncoder default", "CrossEncoder best", "causal LM yes/no"


class Contender(Protocol):
    """A way to score pairs.

    Attributes:
        name: In tables.
        description: Its configuration, in words.
        dtype: What most of its multiplications are in: float32, bfloat16 or int8.
        graded: Its score is the expected grade under darl's starting head, so that it can be compared.
    """

    name: str
    description: str
    dtype: str
    graded: bool

    def prepare(self) -> None:
        """Load what it needs."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """(N,) larger is more relevant."""


class DarlContender:
    """darl as it is used: `build_model(...).predict(pairs)`."""

    graded = True

    def __init__(self, setup: Setup, name: str = DARL, **config: Any) -> None:  # noqa: ANN401
        self.name, self._setup, self._config = name, setup, config
        self.dtype = str(config.get("dtype", setup.dtype))
        self.description = f"predict(pairs), {self.dtype}, defaults" + "".join(
            f", {key} {value}" for key, value in config.items() if key != "dtype"
        )

    def prepare(self) -> None:
        """A fresh model."""
        self.model = self._setup.model(**self._config)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Expected grades."""
        return np.asarray(self.model.predict(pairs).scores, np.float64)


class ExportedContender:
    """A folder that darl exported, read back and used like any model."""

    graded = True

    def __init__(self, folder: Path, form: str = "int8", name: str = INT8) -> None:
        self.name, self._folder, self.dtype = name, folder, form
        self.description = f"darl export --format {form}, then load_model(folder).predict(pairs)"

    def prepare(self) -> None:
        """Load the folder."""
        self.model = load_model(self._folder)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Expected grades."""
        return np.asarray(self.model.predict(pairs).scores, np.float64)


def exported(setup: Setup, pairs: Sequence[Pair], form: str = "int8") -> ExportedContender | None:
    """Darl's exported model, written once a run; None, and a line that says why, where there is none.

    Its agreement with the original is printed and not judged: an untrained head's grades are no yardstick.
    """
    folder = setup.workspace / f"exported-{form}"
    if setup.device != "cpu":
        say(f"{INT8} is left out: it is made for CPUs")
        return None
    if not folder.exists():
        source = setup.workspace / "original"
        save_model(setup.model(), source)
        parity = export(source, folder, pairs, form=form, tolerance=Tolerance(spearman=-1.0))
        say(f"{INT8}: " + ", ".join(f"{name} {value:.4f}" for name, value in parity.items()))
    return ExportedContender(folder, form)


def make(setup: Setup, name: str, choice: dict[str, Any]) -> Contender:
    """The contender of a name.

    Args:
        setup: The run's.
        name: One of the names above.
        choice: Its searched configuration (search.py); {} where there is none.
    """
    if name in (CE_DEFAULT, CE_BEST):
        return CrossEncoderContender(setup, name, **choice)
    if name == CAUSAL:
        return CausalReranker(setup, name, **choice)
    if name == INT8:
        return ExportedContender(setup.workspace / "exported-int8")
    return DarlContender(setup, name)


def prepared(contenders: Sequence[Contender], warm: Sequence[Pair]) -> dict[str, Contender]:
    """Load the contenders; each scores a few pairs first, for what is done only once is no part of a rate."""
    for one in contenders:
        one.prepare()
        one.score(warm)
    return {one.name: one for one in contenders}
