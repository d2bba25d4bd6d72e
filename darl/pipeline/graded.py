"""A pool that was graded into a folder, with its features: more pairs than memory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darl.errors import ConfigError, DataError, Fault
from darl.grades import GradeScale
from darl.models.checkpoint import read_card
from darl.models.prompt import template_fields
from darl.pairs import Pair
from darl.pipeline.gauge import COLUMNS
from darl.pipeline.predict_plan import PLAN, Plan, read_plan
from darl.pipeline.shards import FEATURES, Part, Rows, ShardForm, shard_path
from darl.progress import Progress, task

AGAIN = "grade the pairs again, into another folder: darl predict MODEL PAIRS --out FOLDER/ --features"


@dataclass(frozen=True)
class GradedPool:
    """N pairs in shards with features, of which only what is asked for is read, a few thousand at a time.

    Attributes:
        folder: Where `darl predict --features` wrote them.
        plan: What it was to write.
        form: What every shard has.
        width: Features of a pair.
    """

    folder: Path
    plan: Plan
    form: ShardForm
    width: int

    @classmethod
    def of(cls, folder: Path, plan: Plan, form: ShardForm) -> GradedPool:
        """The pool of a folder; every shard is opened, and none is read.

        Raises:
            ConfigError: Shards are missing.
            DataError: A shard is damaged, or has other rows or columns than it should.
        """
        paths = [shard_path(folder, number) for number in range(plan.shards)]
        if missing := [path.name for path in paths if not path.exists()]:
            raise ConfigError(str(folder), [_unfinished(missing, plan)])
        widths: set[int] = set()
        faults: list[Fault] = []
        for number, path in enumerate(paths):
            try:
                widths.add(form.width(path, plan.size_of(number)))
            except DataError as error:
                faults += error.faults
        if len(widths) > 1:
            faults.append(Fault(str(folder), 0, FEATURES, f"expected one width, received {sorted(widths)}"))
        if faults:
            raise DataError(str(folder), faults)
        return cls(folder, plan, form, widths.pop())

    def __len__(self) -> int:
        return self.plan.pairs

    def parts(self, progress: Progress) -> Iterator[Part]:
        """All rows in their order, some at a time, each part with its first row in the pool.

        Keep no part while asking for the next one, or two are in memory.

        Raises:
            DataError: A shard is damaged.
        """
        with task(progress, f"read {len(self):,} graded pairs", len(self), "pairs"):
            for number in range(self.plan.shards):
                first = number * self.plan.origin.shard_size
                for part in self.form.parts(shard_path(self.folder, number)):
                    n = len(part.queries)
                    yield part._replace(start=first + part.start)
                    del part
                    progress.advance(n)

    def pairs(self, rows: Rows) -> list[Pair]:
        """The pairs at the given rows, which rise."""
        return [pair for path, inside in self._by_shard(rows) for pair in self.form.pairs(path, inside)]

    def features(self, rows: Rows) -> npt.NDArray[np.float16]:
        """(len(rows), D) features of the pairs at the given rows, which rise."""
        none = np.empty((0, self.width), np.float16)
        parts = [self.form.features_of(path, inside) for path, inside in self._by_shard(rows)]
        return np.concatenate([none, *parts])

    def _by_shard(self, rows: Rows) -> Iterator[tuple[Path, Rows]]:
        """The shards that hold them, and which of its own rows they are."""
        size = self.plan.origin.shard_size
        of = rows // size
        for number in np.unique(of).tolist():
            yield shard_path(self.folder, number), rows[of == number] - number * size


def is_graded(folder: Path) -> bool:
    """Whether `darl predict` has begun to write there."""
    return (folder / PLAN).is_file()


def open_graded(folder: Path, model: Path) -> GradedPool:
    """The pool that a model has graded into a folder.

    Raises:
        ConfigError: It is the work of another model, unfinished or without features; all that is wrong.
        CheckpointError: The model or the folder's plan cannot be trusted.
        DataError: A shard is damaged, or is not one of these.
    """
    card = read_card(model)
    plan = read_plan(folder, AGAIN)
    faults = []
    if plan.origin.uncalibrated != card.uncalibrated:
        faults.append(f"was graded by another model than {model}: give that one, or {AGAIN}")
    if not plan.origin.features:
        faults.append(f"holds no features: {AGAIN}")
    if faults:
        raise ConfigError(str(folder), faults)
    fields, measures = template_fields(card.model.prompt), COLUMNS if plan.origin.ood else ()
    form = ShardForm.of(GradeScale(card.grades), fields, features=True, measures=measures)
    return GradedPool.of(folder, plan, form)


def _unfinished(missing: list[str], plan: Plan) -> str:
    return (
        f"{len(missing)} of {plan.shards} shards are missing, {missing[0]} the first: go on with the same "
        "darl predict command and --resume"
    )
