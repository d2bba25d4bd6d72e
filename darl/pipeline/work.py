"""How much of a whole run is done: its tasks weighed by what they cost; and of several runs, as one."""

from __future__ import annotations

from darl.progress import Progress

TRAINING = "training pairs"
COST = {TRAINING: 3.0, "pairs": 1.0}  # a step goes forward once and back at about twice the price


class Work:
    """Progress that also knows the whole job; passes everything on.

    Args:
        progress: Who shows it.
        total: Work of the whole job, in pairs predicted.
    """

    def __init__(self, progress: Progress, total: float) -> None:
        self._progress, self._total, self._done = progress, total, 0.0
        self._left, self._cost = 0.0, 0.0

    def start(self, task: str, total: float, unit: str) -> None:
        """A task begins."""
        self._cost = COST.get(unit, 0.0)
        self._left = total
        self._progress.start(task, total, unit)

    def advance(self, n: float) -> None:
        """`n` more units of it are done."""
        self._left -= n
        self._progress.advance(n)
        self._credit(n)

    def finish(self) -> None:
        """It is over; what it did not need (early stopping) is work that is done."""
        self._progress.finish()
        self._credit(max(0.0, self._left))
        self._left = 0.0

    def skip(self, work: float) -> None:
        """Work, in pairs predicted, that is done or not needed after all."""
        self._done += work
        self._progress.overall(min(self._done, self._total), self._total)

    def message(self, text: str) -> None:
        """A line for the reader."""
        self._progress.message(text)

    def overall(self, done: float, total: float) -> None:
        """Passed on."""
        self._progress.overall(done, total)

    def _credit(self, units: float) -> None:
        if self._cost and units:
            self.skip(units * self._cost)


class Part:
    """Progress of one of several runs of about as much work each, told as the progress of all of them.

    Args:
        progress: Who shows it.
        place: How many runs are before it.
        of: How many there are, at least 1.
    """

    def __init__(self, progress: Progress, place: int, of: int) -> None:
        self._progress, self._place, self._of = progress, place, of
        self.start, self.advance, self.finish = progress.start, progress.advance, progress.finish
        self.message = progress.message

    def overall(self, done: float, total: float) -> None:
        """The share of this run that is done, after those before it."""
        self._progress.overall(self._place * total + done, self._of * total)
