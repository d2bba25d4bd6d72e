"""Predictions for more pairs than memory holds: a folder of shards that can be gone on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from darl.data.stream import SHARD_SIZE, PairStream, Survey, input_files
from darl.errors import ConfigError, DataError, Fault
from darl.grades import GradeScale
from darl.models.base import RelevanceModel
from darl.models.checkpoint import load_model, read_card
from darl.models.prompt import template_fields
from darl.pairs import Pair
from darl.pipeline.predict_plan import Plan, begun_plan, check_same, identify
from darl.pipeline.shards import ShardForm, shard_path
from darl.pipeline.told import Teller
from darl.progress import SILENT, Progress, task

LOCK = ".lock"


class Graded(NamedTuple):
    """What was done.

    Attributes:
        folder: Where the shards are.
        pairs: Pairs in all shards.
        scored: Those that were scored now; the others were there.
        seconds: Reading, scoring and writing them, without the survey and the loading of the model.
    """

    folder: Path
    pairs: int
    scored: int
    seconds: float


def predict_to_folder(
    model: str | Path,
    pairs: str | Path,
    out: str | Path,
    *,
    shard_size: int = SHARD_SIZE,
    features: bool = False,
    calibrated: bool = True,
    ood: bool = True,
    resume: bool = False,
    bad_rows: Path | None = None,
    backbone: str | None = None,
    progress: Progress = SILENT,
) -> Graded:
    """Grade a file, or a folder of files, of any size into a folder of Parquet files.

    The pairs are read twice: first without the model, to find every fault and to count; then to score them,
    a shard at a time. Memory holds one shard. A run that is killed goes on with `resume` and ends in the same
    bytes.

    Args:
        model: Folder of a model.
        pairs: A file, or a folder of files that are read in the order of their names.
        out: A new or empty folder: part-00000.parquet, ... and _plan.json, which says what they are of.
        shard_size: Pairs of a file of `out`.
        features: Whether the model's features are kept, as float16.
        calibrated: Whether the model's calibration is applied, if it has one.
        ood: Whether a model that keeps a detector says how unusual each pair is.
        resume: Go on with what `out` holds; shards that are there are not scored again.
        bad_rows: Where bad rows are set aside, instead of failing.
        backbone: Where the backbone is now, if not where the model says.
        progress: Told how far it is.

    Raises:
        ConfigError: `out` holds something already, the input cannot be read twice, or options do not fit.
        DataError: Any row is at fault (the first hundred are listed), or the files have changed meanwhile.
        CheckpointError: The model cannot be trusted, or `out` was begun with something else.
    """
    model, pairs, out = Path(model), Path(pairs), Path(out)
    _check_apart(pairs, out)
    files = input_files(pairs)
    begun = begun_plan(out, resume=resume)
    card = read_card(model)
    teller = Teller.of(model, calibrated=calibrated, ood=ood)
    fields = template_fields(card.model.prompt)
    form = ShardForm.of(
        GradeScale(card.grades),
        fields,
        features=features,
        measures=teller.measures,
        abstains=teller.abstains,
    )
    stream = PairStream(files, item_fields=fields, size=shard_size)
    origin = identify(
        files,
        model,
        shard_size=shard_size,
        features=features,
        calibrated=teller.calibration is not None,
        ood=teller.gauge is not None,
        progress=progress,
    )
    if begun is not None:
        check_same(out, begun.origin, origin)
    survey = _survey(stream, begun, bad_rows, progress)
    plan = Plan(origin=origin, pairs=survey.pairs, bad_rows=survey.bad_rows)
    with _alone(out):
        if begun is None:
            plan.begin(out)
        left = [number for number in range(plan.shards) if not shard_path(out, number).exists()]
        if not left:
            return Graded(out, plan.pairs, 0, 0.0)
        _tell_left(plan, left, progress)
        loaded = load_model(model, backbone=backbone, progress=progress)
        return _Job(plan, out, form, stream, loaded, teller, progress).run(left)


def _check_apart(pairs: Path, out: Path) -> None:
    if pairs.is_dir() and out.resolve().is_relative_to(pairs.resolve()):
        raise ConfigError(str(out), [f"is in the folder of the pairs, {pairs}: give a folder outside"])


def _survey(stream: PairStream, begun: Plan | None, bad_rows: Path | None, progress: Progress) -> Survey:
    """What is known of these files stays known; but who asks for the bad rows gets them."""
    if begun is None or bad_rows is not None:
        return stream.survey(bad_rows, progress)
    if begun.bad_rows:
        progress.message(f"{begun.bad_rows:,} bad rows were set aside when this was begun")
    return begun.survey


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Two processes in one folder would do the same work twice."""
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(str(out), ["another process is at work there: wait for it, or stop it"]) from error
    try:
        for leftover in out.glob(".*.part-*.parquet"):  # of a process that was killed
            leftover.unlink()
        yield
    finally:
        lock.release()


def _tell_left(plan: Plan, left: list[int], progress: Progress) -> None:
    if len(left) < plan.shards:
        done = plan.pairs - sum(plan.size_of(number) for number in left)
        progress.message(f"{plan.shards - len(left)} of {plan.shards} shards are there: {done:,} pairs")


@dataclass(frozen=True)
class _Job:
    """Scores the shards that are not there."""

    plan: Plan
    out: Path
    form: ShardForm
    stream: PairStream
    model: RelevanceModel
    teller: Teller
    progress: Progress

    def run(self, left: list[int]) -> Graded:
        """One pass over the pairs, up to the last shard that is wanted."""
        total = sum(self.plan.size_of(number) for number in left)
        began, wanted, number = time.monotonic(), set(left), 0
        with task(self.progress, f"predict {total:,} pairs", total, "pairs"):
            # Neither enumerate nor zip: they keep a shard alive while the next one is read.
            for shard in self.stream:
                self._check(number, len(shard))
                if number in wanted:
                    self._score(number, shard)
                del shard
                number += 1
                if number > left[-1]:
                    break
        if number <= left[-1]:
            self._check(number, 0)
        return Graded(self.out, self.plan.pairs, total, time.monotonic() - began)

    def _score(self, number: int, shard: list[Pair]) -> None:
        part = _Part(self.progress, len(shard), self.teller.passes)
        predictions = self.model.predict(shard, progress=part)
        told = self.teller.tell(self.model, shard, predictions, progress=part)
        self.form.write(shard_path(self.out, number), shard, predictions, told)
        part.end()

    def _check(self, number: int, received: int) -> None:
        expected = self.plan.size_of(number)
        if received != expected:
            message = (
                f"expected {expected} pairs in shard {number}, received {received}: the file has changed"
            )
            raise DataError("reading the pairs again", [Fault(self.stream.name, 0, "", message)])


class _Part:
    """A shard's share of the whole job's progress: its pairs count there, and there are no tasks within.

    Args:
        progress: The whole job's, its task under way.
        size: Pairs of the shard.
        passes: How often each pair is told of.
    """

    def __init__(self, progress: Progress, size: int, passes: int) -> None:
        self._progress, self._left, self._counts = progress, float(size), False
        self._passes = passes

    def start(self, task: str, total: float, unit: str) -> None:
        """Pairs count, other units do not."""
        self._counts = unit == "pairs"

    def advance(self, n: float) -> None:
        """Pairs are done, never more than there are."""
        n = min(n / self._passes, self._left)
        if self._counts and n:
            self._left -= n
            self._progress.advance(n)

    def finish(self) -> None:
        """Nothing: the job goes on."""

    def message(self, text: str) -> None:
        """Passed on."""
        self._progress.message(text)

    def overall(self, done: float, total: float) -> None:
        """Nothing: the job is the task."""

    def end(self) -> None:
        """What was not told is done too."""
        self._counts = True
        self.advance(self._left * self._passes)
