"""What a teacher says of unlabelled pairs, kept so that it is asked once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from accelerate import PartialState

from darl.data.parquet import parquet_faults
from darl.errors import ConfigError
from darl.files import write_text
from darl.grades import GradeScale
from darl.models.checkpoint import read_card
from darl.models.prompt import template_fields
from darl.pairs import GradedPair, Pair, Ratings
from darl.pipeline.gauge import OOD_PERCENTILE
from darl.pipeline.predict import Graded, predict_to_folder
from darl.pipeline.shards import ShardForm
from darl.predictions import FloatArray, IntArray
from darl.progress import SILENT, Progress
from darl.training.ratings import soft_ratings

RATE = "teacher.json"
Beyond = Literal["skip", "soften", "learn"]


@dataclass(frozen=True)
class Taught:
    """N pairs and what the teacher says of them.

    Attributes:
        pairs: N pairs.
        grade_probs: (N, K) its probabilities, calibrated where it is.
        scores: (N,) its scores, larger is more relevant.
        percentiles: (N,) share of in-distribution pairs that are less unusual to it, 0 to 100; None where it
            keeps no detector.
    """

    pairs: Sequence[Pair]
    grade_probs: FloatArray
    scores: FloatArray
    percentiles: FloatArray | None

    @property
    def grades(self) -> IntArray:
        """(N,) the most probable grades."""
        grades: IntArray = self.grade_probs.argmax(axis=1)
        return grades

    @property
    def graded(self) -> tuple[GradedPair, ...]:
        """The pairs with these grades."""
        return tuple(map(GradedPair, self.pairs, self.grades.tolist()))

    @property
    def ratings(self) -> Ratings:
        """The probabilities as training reads them."""
        return dict(zip(self.pairs, soft_ratings(self.grade_probs), strict=True))

    def __getitem__(self, rows: IntArray) -> Taught:
        """Some of them."""
        pairs = [self.pairs[row] for row in rows]
        seen = None if self.percentiles is None else self.percentiles[rows]
        return Taught(pairs, self.grade_probs[rows], self.scores[rows], seen)

    def within(self, beyond: Beyond, percentile: float, progress: Progress = SILENT) -> Taught:
        """The same without relying on what the teacher says where it is out of its depth.

        Args:
            beyond: What becomes of pairs above the percentile: "skip" leaves them out, "learn" takes them as
                they are, "soften" takes the mean of what is said of them and of all other pairs on average.
            percentile: Of in-distribution pairs, 0 to 100.
            progress: Told how many pairs that concerns.

        Raises:
            ConfigError: Nothing is left.
        """
        if beyond == "learn" or self.percentiles is None:
            return self
        deep = self.percentiles > percentile
        done = "left out" if beyond == "skip" else "softened"
        progress.message(f"{deep.sum():,} of {len(deep):,} pairs are above percentile {percentile:g}: {done}")
        if deep.all():
            fault = f"all {len(deep):,} pairs are above percentile {percentile:g}: the teacher does not know "
            raise ConfigError("pool", [fault + "such pairs; raise the percentile, or take --beyond learn"])
        if beyond == "skip":
            return self[np.flatnonzero(~deep)]
        usual = self.grade_probs[~deep].mean(axis=0)
        return replace(
            self, grade_probs=np.where(deep[:, None], (self.grade_probs + usual) / 2, self.grade_probs)
        )


def ask_teacher(
    teacher: Path,
    pool: Path,
    folder: Path,
    *,
    resume: bool = False,
    bad_rows: Path | None = None,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> Taught:
    """Have a model grade a pool into `folder`/teacher, or read what it said there.

    Args:
        teacher: Folder of a model.
        pool: A file of pairs, or a folder of files.
        folder: Where the predictions go, and beside them how quickly they came.
        resume: Go on with what is there; nothing is asked twice.
        bad_rows: Where bad rows are set aside, instead of failing.
        backbone: Where the teacher's backbone is now.
        progress: Told how far it is.

    Raises:
        DarlError: As `predict_to_folder`.
    """
    # The others wait while the main process asks.
    state, shards = PartialState(timeout=timedelta(days=7)), folder / "teacher"
    if state.is_main_process:
        how: dict[str, Any] = {"resume": resume, "bad_rows": bad_rows, "backbone": backbone}
        _keep_rate(predict_to_folder(teacher, pool, shards, **how, progress=progress), folder / RATE)
    state.wait_for_everyone()
    card = read_card(teacher)
    form = ShardForm.of(GradeScale(card.grades), template_fields(card.model.prompt), features=False)
    return _read(sorted(shards.glob("part-*.parquet")), form)


def rate_of(folder: Path) -> float | None:
    """Pairs a second that the teacher graded when it was last asked; None where that is not known."""
    path = folder / RATE
    return float(json.loads(path.read_text(encoding="utf-8"))["pairs_per_second"]) if path.exists() else None


def _keep_rate(done: Graded, path: Path) -> None:
    if done.scored and done.seconds > 0:
        kept = {"pairs": done.scored, "seconds": done.seconds, "pairs_per_second": done.scored / done.seconds}
        write_text(path, json.dumps(kept) + "\n")


def _read(paths: Sequence[Path], form: ShardForm) -> Taught:
    tables, pairs = list[pa.Table](), list[Pair]()
    for path in paths:
        with path.open("rb") as handle, parquet_faults(str(path), handle):
            table = pq.read_table(handle)
        pairs += form.pairs(path, np.arange(table.num_rows))
        tables.append(table)
    columns = pa.concat_tables(tables)
    probs = [columns[f"prob_{name}"].to_numpy() for name in form.scale.names]
    seen = columns[OOD_PERCENTILE].to_numpy() if OOD_PERCENTILE in columns.column_names else None
    return Taught(pairs, np.stack(probs, axis=1).astype(np.float64), columns["score"].to_numpy(), seen)
