"""What a folder of predictions was begun with, so that no other work is taken for a part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from darl.data.stream import Survey
from darl.errors import CheckpointError, ConfigError
from darl.files import sha256_of, write_text
from darl.models.checkpoint import CARD, read_card
from darl.progress import Progress, task

FORMAT = 3
PLAN = "_plan.json"


class InputFile(BaseModel):
    """A file of pairs, as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int
    sha256: str


class Origin(BaseModel):
    """Everything that decides what the shards hold.

    Attributes:
        format: Of this file and the shards.
        files: What was read, in this order.
        model: SHA-256 of the model's card, which has those of its other files.
        uncalibrated: SHA-256 of the card without its calibration.
        shard_size: Pairs of a shard.
        features: Whether features are kept.
        calibrated: Whether the model's calibration was applied.
        ood: Whether there are ood_scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    files: tuple[InputFile, ...]
    model: str
    uncalibrated: str
    shard_size: int
    features: bool
    calibrated: bool = False
    ood: bool = False

    def differences(self, now: Origin) -> list[str]:
        """What is not as it was, a sentence each."""
        found = []
        if self.model != now.model:
            found.append(f"another model (sha256 of its card {self.model[:12]}, now {now.model[:12]})")
        if self.shard_size != now.shard_size:
            found.append(f"--shard-size {self.shard_size}, now {now.shard_size}")
        if self.features != now.features:
            found.append("features, now without" if self.features else "no features, now with --features")
        if self.ood != now.ood:
            found.append("ood_scores, now --no-ood" if self.ood else "no ood_scores (--no-ood), now with")
        if self.calibrated != now.calibrated:
            found.append("calibrated, now without" if self.calibrated else "without calibration, now with it")
        was, are = {one.name: one for one in self.files}, {one.name: one for one in now.files}
        found += [f"the file {name}, now gone" for name in sorted(was.keys() - are.keys())]
        found += [f"no file {name}" for name in sorted(are.keys() - was.keys())]
        both = sorted(was.keys() & are.keys())
        return found + [f"another content of {name}" for name in both if was[name] != are[name]]


class Plan(BaseModel):
    """The content of _plan.json: what the shards are made from, and what the survey of its rows found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    pairs: int
    bad_rows: int

    @property
    def survey(self) -> Survey:
        """What the survey found."""
        return Survey(self.pairs, self.bad_rows)

    @property
    def shards(self) -> int:
        """How many shards there are in the end."""
        return -(-self.pairs // self.origin.shard_size)

    def size_of(self, number: int) -> int:
        """Pairs of shard `number`, counted from 0."""
        return min(self.origin.shard_size, self.pairs - number * self.origin.shard_size)

    def begin(self, folder: Path) -> None:
        """Write it to the folder, whole or not at all.

        Raises:
            ConfigError: Another process has begun there since `begun_plan` looked.
        """
        if (folder / PLAN).exists():
            raise _held(folder)
        write_text(folder / PLAN, json.dumps(self.model_dump(mode="json"), indent=2) + "\n")


def identify(
    files: Sequence[Path],
    model: Path,
    *,
    shard_size: int,
    features: bool,
    calibrated: bool,
    ood: bool,
    progress: Progress,
) -> Origin:
    """What the shards will be made from, by content: every file is read once."""
    sizes = [file.stat().st_size for file in files]
    inputs = []
    with task(progress, f"identify {len(files)} files", sum(sizes), "B"):
        for file, size in zip(files, sizes, strict=True):
            inputs.append(InputFile(name=file.name, size=size, sha256=sha256_of(file)))
            progress.advance(size)
    return Origin(
        files=tuple(inputs),
        model=sha256_of(model / CARD),
        uncalibrated=read_card(model, only=CARD).uncalibrated,
        shard_size=shard_size,
        features=features,
        calibrated=calibrated,
        ood=ood,
    )


def begun_plan(folder: Path, *, resume: bool) -> Plan | None:
    """The plan of the work that `folder` holds; None where nothing was begun.

    Raises:
        ConfigError: It holds work and `resume` is not set, or something else, or is a file.
        CheckpointError: Its plan is damaged or of another version of darl.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(str(folder), ["is a file: give a folder"])
    path = folder / PLAN
    if not path.exists():
        if folder.exists() and any(not one.name.startswith(".") for one in folder.iterdir()):
            raise ConfigError(str(folder), ["holds files that are no predictions: give another --out"])
        return None
    if not resume:
        raise _held(folder)
    return read_plan(folder, "give another --out")


def _held(folder: Path) -> ConfigError:
    return ConfigError(str(folder), ["holds predictions already: go on with --resume, or give another --out"])


def read_plan(folder: Path, remedy: str) -> Plan:
    """The plan of a folder that has one.

    Args:
        folder: Where it is.
        remedy: What to do where it cannot be read.

    Raises:
        CheckpointError: It is damaged or of another version of darl.
    """
    path = folder / PLAN
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        format_ = raw["origin"]["format"]
        if format_ == FORMAT:
            return Plan.model_validate(raw)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: damaged ({error}); {remedy}") from error
    raise CheckpointError(f"{path}: expected format {FORMAT}, received {format_!r}; {remedy}")


def check_same(folder: Path, begun: Origin, now: Origin) -> None:
    """Refuse to go on with something else.

    Raises:
        CheckpointError: Naming everything that differs.
    """
    if found := begun.differences(now):
        raise CheckpointError(
            f"{folder}: was begun with {'; '.join(found)}. Give what it was begun with, or another --out"
        )
