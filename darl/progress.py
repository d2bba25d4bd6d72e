"""How long work tells how far it is. The package reports; what is shown is the caller's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives what long work reports."""

    def start(self, task: str, total: float, unit: str) -> None:
        """A task begins: its name, how many units it has, and what a unit is ("pairs", "B")."""

    def advance(self, n: float) -> None:
        """`n` more units of the current task are done."""

    def finish(self) -> None:
        """The current task is over, however much of it was needed."""

    def message(self, text: str) -> None:
        """A line for the reader."""

    def overall(self, done: float, total: float) -> None:
        """How much of the whole job is done, in units of work; tasks are its parts."""


class Silent:
    """Shows nothing."""

    def start(self, task: str, total: float, unit: str) -> None:
        """Nothing."""

    def advance(self, n: float) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def overall(self, done: float, total: float) -> None:
        """Nothing."""


SILENT: Progress = Silent()


@contextmanager
def task(progress: Progress, name: str, total: float, unit: str) -> Iterator[None]:
    """A task that is finished however the block ends."""
    progress.start(name, total, unit)
    try:
        yield
    finally:
        progress.finish()
