"""A server as a user starts it, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PATIENCE = 600
ROOT = Path(__file__).parents[2]


class Running:
    """`darl serve` on a free port of the loopback address, until the block ends.

    Args:
        arguments: Of `darl serve`.
        environment: Beside the tests' own.
    """

    def __init__(self, *arguments: object, **environment: str) -> None:
        self._arguments = [str(one) for one in arguments]
        self._environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment

    def __enter__(self) -> Running:
        self._errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "darl", "serve", *self._arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=self._environment,
        )
        line = self.process.stdout.readline()
        found = re.search(r"at (http://\S+)", line)
        assert found, line + self.errors()
        self.url = found[1]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self.process.stdout.close()
        self._errors.close()

    def stop(self) -> int:
        """Tell it to stop, as an operator does, and wait; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def errors(self) -> str:
        """All of standard error so far."""
        self._errors.seek(0)
        return self._errors.read()

    def log(self, event: str) -> list[dict]:
        """The log's lines of an event."""
        lines = [json.loads(line) for line in self.errors().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]
