from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from darl.progress import Silent


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def write_lines(tmp_path):
    """Writes rows as JSON lines, text lines as they are, to a file of the test's folder."""

    def write(name: str, *rows: object) -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def shared_data() -> Path:
    """Real graded data that is not part of the package; the test is skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("DARL_SHARED_DATA", beside))
    if not (folder / "esci_us.jsonl.gz").is_file():
        pytest.skip(f"needs the shared data in {folder} (set DARL_SHARED_DATA)")
    return folder
