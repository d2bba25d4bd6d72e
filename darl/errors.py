"""Every exception that darl raises on purpose.

    DarlError
    ├── ConfigError          an experiment or option is wrong (carries *all* faults)
    ├── DataError            a data file is wrong (carries *all* faults: file, line, field)
    ├── UnknownGradeError    a grade that the scale does not have
    ├── ShapeError           arrays that do not fit together
    ├── NotFittedError       score() before fit()
    ├── PoolExhaustedError   more labels asked for than the pool has
    ├── CheckpointError      a model directory or checkpoint that cannot be trusted
    ├── ParityError          an exported model that says something else than its original
    ├── DivergedError        training that no longer gives numbers
    ├── DownloadError        weights or a corpus that could not be fetched
    ├── AnnotationPending    not a fault: people must grade a file before the run goes on
    └── MissingExtraError    an optional dependency is not installed

A message says what was expected, what was received and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SHOWN_FAULTS = 20


class DarlError(Exception):
    """Root of the tree: catch this to catch everything darl raises on purpose."""


def _list_faults(head: str, faults: Sequence[object], total: int) -> str:
    lines = [f"{head} ({total} fault{'s' if total != 1 else ''})"]
    lines += [f"  - {fault}" for fault in faults]
    if total > len(faults):
        lines.append(f"  ... and {total - len(faults)} more")
    return "\n".join(lines)


class ConfigError(DarlError):
    """An experiment file or option is wrong.

    Args:
        head: What was being read.
        faults: Every fault found, each with the place, what was expected and what was received.
    """

    def __init__(self, head: str, faults: Sequence[str]) -> None:
        self.head = head
        self.faults = tuple(faults)
        super().__init__(_list_faults(head, self.faults[:SHOWN_FAULTS], len(self.faults)))


class Fault(NamedTuple):
    """One thing wrong in a data file.

    Attributes:
        file: The file it is in ("-" for standard input).
        line: 1-based line (CSV, JSONL) or row (Parquet); 0 where the whole file is meant.
        field: The column or key, "" where the whole row is meant.
        message: What was expected and what was received.
    """

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "")
        return f"{place}: {self.field + ': ' if self.field else ''}{self.message}"


class DataError(DarlError):
    """A data file is wrong.

    Args:
        head: What was being read.
        faults: Every fault; the message shows the first 20 and the count.
        total: How many there are, where memory had no place for all: `faults` are then the first ones, and
            the message shows every one of them.
    """

    def __init__(self, head: str, faults: Sequence[Fault], *, total: int | None = None) -> None:
        self.head = head
        self.faults = tuple(faults)
        self.total = len(self.faults) if total is None else total
        shown = self.faults[:SHOWN_FAULTS] if total is None else self.faults
        super().__init__(_list_faults(head, shown, self.total))


class UnknownGradeError(DarlError):
    """A grade that the grade scale does not have."""


class ShapeError(DarlError):
    """Arrays whose shapes or values do not fit together."""


class NotFittedError(DarlError):
    """A detector was asked to score before it was fitted."""


class PoolExhaustedError(DarlError):
    """More samples were asked for than the pool holds."""


class CheckpointError(DarlError):
    """A model directory or training checkpoint is truncated, altered or belongs to something else."""


class ParityError(DarlError):
    """An exported model that says something else than its original; nothing was written.

    Args:
        where: What was to be written.
        faults: What is beyond the tolerance.
    """

    def __init__(self, where: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"{where}: not written, it says something else than the original: " + "; ".join(faults)
        )


class DivergedError(DarlError):
    """Training that no longer gives numbers."""


class DownloadError(DarlError):
    """Weights or a corpus could not be fetched, or did not have the expected checksum."""


class AnnotationPending(DarlError):  # noqa: N818 - a pause, not an error
    """A run is paused until people have graded `path`; `darl run --resume` goes on."""

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        super().__init__(message)


class MissingExtraError(DarlError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"needs {package}: pip install 'darl[{extra}]'")
