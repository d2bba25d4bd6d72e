"""What happened in a stage, a JSON object a line; TensorBoard too where it is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from darl.files import write_text
from darl.training.checkpoint import Position

LOG = "log.jsonl"


class StageLog:
    """Appends to the stage's log.

    Args:
        folder: The stage's folder.
        position: How far the stage is: lines written after the checkpoint that is being resumed from are
            taken out, so that none stands there twice.
        enabled: False on processes other than the main one.
    """

    def __init__(self, folder: Path, position: Position, enabled: bool) -> None:
        self.path = folder / LOG
        self.enabled = enabled
        self._board: Any = None
        if not enabled:
            return
        folder.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        write_text(self.path, "".join(line + "\n" for line in lines if _is_done(line, position)))
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=position.step)

    def write(self, step: int, **values: float) -> None:
        """One line: the step, and named values."""
        if not self.enabled:
            return
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"step": step, **values}) + "\n")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def _is_done(line: str, position: Position) -> bool:
    try:
        entry = json.loads(line)
        # Within an epoch the validation of this step is still to come.
        ahead = "valid_loss" in entry and position.batch > 0
        return bool(entry["step"] < position.step or (entry["step"] == position.step and not ahead))
    except (ValueError, KeyError):  # a line cut short by a kill
        return False
