"""Progress of a download that another tool makes: how much its folder has grown."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from darl.progress import Progress, task

POLL_SECONDS = 0.2


def bytes_in(folder: Path) -> int:
    """The bytes of every file under `folder`; 0 if it is not there. Links are not followed."""
    # os.walk passes over a folder that goes away meanwhile, where Path.rglob raises.
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    return sum(map(_bytes_of, paths))


def _bytes_of(path: str) -> int:
    try:
        info = os.lstat(path)
    except FileNotFoundError:  # another process renamed it since it was listed
        return 0
    return info.st_size if stat.S_ISREG(info.st_mode) else 0


@contextmanager
def watched(progress: Progress, name: str, folder: Path, total: int) -> Iterator[None]:
    """A task of `total` bytes that advances, from a thread of its own, as `folder` grows during the block."""
    before, over = bytes_in(folder), threading.Event()

    def poll() -> None:
        shown = 0
        while not over.wait(POLL_SECONDS):
            # Tools write through temporary copies: never backwards, never past the whole.
            grown = min(bytes_in(folder) - before, total)
            if grown > shown:
                progress.advance(grown - shown)
                shown = grown

    with task(progress, name, total, "B"):
        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
