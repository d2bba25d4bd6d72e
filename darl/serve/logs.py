"""Logs as JSON, a line each, on standard error."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("darl.serve")
PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonLines(logging.Formatter):
    """A record as a JSON object.

    Of an error its kind and its place in the code are written. What it says is left out unless texts are
    asked for: a library may put what it was given into its messages.

    Args:
        texts: Whether texts of requests may be written.
    """

    def __init__(self, *, texts: bool) -> None:
        super().__init__()
        self._texts = texts

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": when, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= {key: value for key, value in vars(record).items() if key not in PLAIN}
        if record.exc_info and record.exc_info[1] is not None:
            line |= self._told(record.exc_info[1])
        return json.dumps(line, default=str)

    def _told(self, error: BaseException) -> dict[str, Any]:
        places = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        said = {"said": str(error)} if self._texts else {}
        return {"error": type(error).__name__, "at": places, **said}


def set_up(*, texts: bool) -> None:
    """Send what this server and uvicorn log to standard error, as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(texts=texts))
    for name in ("darl.serve", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
