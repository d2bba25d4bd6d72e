"""A Progress for tests. It imports nothing, as processes that a test starts use it too."""

from __future__ import annotations


class Recorder:
    """A Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, float, str]] = []
        self.messages: list[str] = []
        self.done: list[float] = []
        self.open = 0

    def start(self, task: str, total: float, unit: str) -> None:
        self.tasks.append((task, total, unit))
        self.done.append(0)
        self.open += 1

    def advance(self, n: float) -> None:
        self.done[-1] += n

    def finish(self) -> None:
        self.open -= 1

    def message(self, text: str) -> None:
        self.messages.append(text)
