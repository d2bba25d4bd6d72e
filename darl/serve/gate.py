"""What every request passes: it gets an id, is counted, timed and logged, and its body is bounded."""

from __future__ import annotations

import re
import time
import uuid

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from darl.serve.errors import TooLargeError, envelope
from darl.serve.logs import LOGGER
from darl.serve.metrics import Metrics

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNKNOWN = "unknown"


class Gate:
    """An ASGI application around another.

    Args:
        app: The application.
        metrics: Counts.
        most_bytes: Of a body.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, most_bytes: int) -> None:
        self.app, self.metrics, self.most_bytes = app, metrics, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = _Passage(scope, send)
        try:
            await self._pass(scope, receive, passage)
        except BaseException:
            passage.status = passage.status or 500
            raise
        finally:
            self._tell(scope, passage)

    async def _pass(self, scope: Scope, receive: Receive, passage: _Passage) -> None:
        request = Request(scope)
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.most_bytes:
            refused = envelope(request, TooLargeError.status, TooLargeError.kind, self._too_large)
            await refused(scope, receive, passage.send)
            return
        await self.app(scope, self._counted(receive), passage.send)

    def _counted(self, receive: Receive) -> Receive:
        """The same body, refused where it becomes too long."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.most_bytes:
                raise TooLargeError(self._too_large)
            return message

        return counted

    @property
    def _too_large(self) -> str:
        return f"the body is longer than {self.most_bytes:,} bytes: send fewer or shorter documents at a time"

    def _tell(self, scope: Scope, passage: _Passage) -> None:
        seconds = time.monotonic() - passage.began
        route = getattr(scope.get("route"), "path", UNKNOWN)
        self.metrics.requests.labels(route).inc()
        if passage.status < 400:
            self.metrics.successes.labels(route).inc()
            self.metrics.duration.labels(route).observe(seconds)
        else:
            self.metrics.failures.labels(route, scope.get("darl.refused", "internal")).inc()
        told = {"request_id": scope["darl.request_id"], "method": scope["method"], "path": scope["path"]}
        told |= {"status": passage.status, "milliseconds": round(1000 * seconds, 2)}
        LOGGER.info("request", extra=told | scope.get("darl.log", {}))


class _Passage:
    """One request on its way."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.began, self.status, self._send = time.monotonic(), 0, send
        given = Request(scope).headers.get("x-request-id", "")
        self.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["darl.request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        """Send on, with the id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]
        await self._send(message)
