"""What the server refuses, each with its status, and the one form in which every refusal is told.

    Refusal                 the root: a status, a kind, a message
    ├── UnauthorizedError   401 no key, or none that is known
    ├── ForbiddenError      403 what this server is not set up to allow
    ├── NotFoundError       404 no such model
    ├── TooLargeError       413 body too long, too many documents
    ├── InvalidError        422 a field is wrong, and which
    ├── OverloadedError     429 the queue is full; Retry-After says when to come again
    ├── GoneError           499 the client went away; nobody reads it
    ├── ScoringError        500 the model failed
    ├── ClosingError        503 the server is going down
    └── DeadlineError       504 not answered in time

The envelope has what each family of clients looks for: `message` (Cohere), `error` and `error_type`
(text-embeddings-inference), `detail` (Jina), and `request_id`, by which the log has the same request. It
never holds text of a query or a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from darl.serve.logs import LOGGER

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
UNREADABLE = 400
"""FastAPI's status for a body that is no JSON at all; where it is merely broken off, 422, as here."""
KINDS = {404: "not_found", 405: "not_found", 415: "validation"}
SHOWN_FIELDS = 20


class FieldFault(NamedTuple):
    """What is wrong with a field of a request."""

    field: str
    message: str


class Refusal(HTTPException):
    """A request that is not answered.

    Args:
        message: What was expected, what was received, what to do; no text of the request's.
        fields: What is wrong with which field.
        headers: Further headers of the answer.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"

    def __init__(
        self, message: str, fields: Sequence[FieldFault] = (), headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        super().__init__(self.status, message, dict(headers))
        self.fields = tuple(fields)


class UnauthorizedError(Refusal):
    """No key, or none that is known."""

    status, kind = 401, "unauthorized"


class ForbiddenError(Refusal):
    """Not allowed on this server."""

    status, kind = 403, "forbidden"


class NotFoundError(Refusal):
    """No such model."""

    status, kind = 404, "not_found"


class TooLargeError(Refusal):
    """A longer body, or more documents, than are taken."""

    status, kind = 413, "validation"


class InvalidError(Refusal):
    """A field is wrong."""

    status, kind = 422, "validation"

    @classmethod
    def of(cls, field: str, message: str) -> InvalidError:
        """One field."""
        return cls(f"{field}: {message}", [FieldFault(field, message)])


class OverloadedError(Refusal):
    """The queue is full."""

    status, kind = 429, "overloaded"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"the queue is full: try again in {seconds} s", headers={"Retry-After": str(seconds)}
        )


class GoneError(Refusal):
    """The client went away before it was answered."""

    status, kind = 499, "cancelled"


class ScoringError(Refusal):
    """The model failed on the request."""

    status, kind = 500, "backend"


class ClosingError(Refusal):
    """The server takes no more requests."""

    status, kind = 503, "unhealthy"


class DeadlineError(Refusal):
    """Not answered in time."""

    status, kind = 504, "deadline"


class Field(BaseModel):
    """What is wrong with a field of a request."""

    field: str
    message: str


class Envelope(BaseModel):
    """What every refusal looks like; `message`, `error` and `detail` are the same text.

    Attributes:
        message: What was expected, what was received, what to do.
        error: For clients of text-embeddings-inference.
        detail: For clients of Jina.
        error_type: Which kind of refusal.
        request_id: By which the log has the request.
        fields: What is wrong with which field.
    """

    message: str
    error: str
    detail: str
    error_type: str
    request_id: str
    fields: list[Field] = []


def described(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """These refusals, for the description of a route."""
    return {kind.status: {"model": Envelope, "description": kind.__doc__ or ""} for kind in kinds}


def envelope(
    request: Request,
    status: int,
    kind: str,
    message: str,
    fields: Sequence[FieldFault] = (),
    headers: Mapping[str, str] = NO_HEADERS,
) -> JSONResponse:
    """A refusal as it is sent."""
    request.scope["darl.refused"] = kind
    content: dict[str, Any] = {"message": message, "error": message, "detail": message, "error_type": kind}
    content["request_id"] = request.scope.get("darl.request_id", "")
    if fields:
        content["fields"] = [fault._asdict() for fault in fields[:SHOWN_FIELDS]]
    return JSONResponse(content, status, dict(headers))


def faults_in(error: RequestValidationError) -> list[FieldFault]:
    """What is wrong with a body, field by field, without what was received."""
    return [FieldFault(_place(one["loc"]), str(one["msg"])) for one in error.errors()]


def _place(location: Sequence[Any]) -> str:
    """`documents.3`, of a place that begins with "body"; `body` itself where it is no JSON, or no object."""
    parts = [str(part) for part in location[1:]]
    return ".".join(parts) if parts and isinstance(location[1], str) else "body"


def _log(request: Request, error: Exception) -> None:
    """What is a fault of the server's own, and not of the request."""
    expected = isinstance(error, HTTPException | RequestValidationError)
    if not expected or isinstance(error, ScoringError):
        about = {"request_id": request.scope.get("darl.request_id", "")}
        LOGGER.error("failed", exc_info=error.__cause__ or error, extra=about)


def add_handlers(app: FastAPI) -> None:
    """Every error leaves in the envelope."""

    async def refused(request: Request, error: Exception) -> Response:
        _log(request, error)
        if isinstance(error, Refusal):
            return envelope(
                request, error.status, error.kind, error.detail, error.fields, error.headers or NO_HEADERS
            )
        if isinstance(error, RequestValidationError):
            faults = faults_in(error)
            told = "; ".join(f"{field}: {message}" for field, message in faults[:3])
            return envelope(request, 422, "validation", told or "not a valid body", faults)
        if isinstance(error, HTTPException) and error.status_code == UNREADABLE:
            told = "cannot be read as JSON in UTF-8"
            return envelope(request, 422, "validation", f"body: {told}", [FieldFault("body", told)])
        if isinstance(error, HTTPException):
            kind = KINDS.get(error.status_code, "internal")
            return envelope(request, error.status_code, kind, error.detail, (), error.headers or NO_HEADERS)
        return envelope(request, 500, "internal", "the server failed; its log says why under the request_id")

    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, refused)
