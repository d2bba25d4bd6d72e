"""Progress on a terminal as bars, elsewhere as a line every few seconds; always on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.text import Text

from darl.progress import Progress

LINE_SECONDS = 10.0


@contextmanager
def cli_progress() -> Iterator[Progress]:
    """Progress that suits where standard error goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        AmountColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, speed_estimate_period=120) as bars:
        yield TerminalBars(bars)


class AmountColumn(ProgressColumn):
    """How much of how much: megabytes of a download, else a count."""

    _bytes, _count = DownloadColumn(), MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        """The amount, in the task's unit."""
        return self._bytes.render(task) if task.fields.get("unit") == "B" else self._count.render(task)


class RateColumn(ProgressColumn):
    """How many units a second: nothing for downloads and for the whole run, whose units differ in size."""

    def render(self, task: Task) -> Text:
        """The rate of late."""
        counted = task.speed and task.fields.get("unit", "B") != "B"
        return Text(f"{task.speed:,.1f}/s" if counted else "")


class TerminalBars:
    """Two bars: the task under way, and the whole job where it has a size."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._whole: TaskID | None = None

    def start(self, task: str, total: float, unit: str) -> None:
        """A new bar."""
        self._task = self._bars.add_task(task, total=total, unit=unit)

    def advance(self, n: float) -> None:
        """The bar grows."""
        if self._task is not None:
            self._bars.advance(self._task, n)

    def finish(self) -> None:
        """The bar goes."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = None

    def message(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def overall(self, done: float, total: float) -> None:
        """The bar of the whole job."""
        if self._whole is None:
            self._whole = self._bars.add_task("[bold]whole run", total=round(total))
        self._bars.update(self._whole, completed=round(done), total=round(total))


class Lines:
    """A line every ten seconds: the task under way, its rate, and the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name, self._unit, self._total, self._done = "", "", 0.0, 0.0
        self._began = self._said = time.monotonic()
        self._share, self._overall_began = 0.0, 0.0

    def start(self, task: str, total: float, unit: str) -> None:
        """Remember the task."""
        self._name, self._unit, self._total, self._done = task, unit, total, 0.0
        self._began = time.monotonic()

    def advance(self, n: float) -> None:
        """Count, and speak if it is time."""
        self._done += n
        if time.monotonic() - self._said >= LINE_SECONDS:
            self._say()

    def finish(self) -> None:
        """One closing line, for tasks long enough to be worth it."""
        if time.monotonic() - self._began >= LINE_SECONDS:
            self._say()

    def message(self, text: str) -> None:
        """The line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def overall(self, done: float, total: float) -> None:
        """Remember how far the whole job is."""
        self._overall_began = self._overall_began or time.monotonic()
        self._share = done / total if total else 0.0

    def _say(self) -> None:
        now = time.monotonic()
        self._said = now
        rate = self._done / max(now - self._began, 1e-9)
        text = f"{self._name}: {self._done:,.0f} of {self._total:,.0f} {self._unit}, {rate:,.1f}/s"
        if 0 < self._share < 1:
            left = (now - self._overall_began) * (1 - self._share) / self._share
            text += f"; whole run {self._share:.0%}, about {_minutes(left)} left"
        elif rate and self._total > self._done:
            text += f", about {_minutes((self._total - self._done) / rate)} left"
        self.message(text)


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
