"""Another model without a pause: reload and roll back, for whoever has an admin key."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from darl.errors import DarlError
from darl.serve.engine import Engine
from darl.serve.errors import (
    FieldFault,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    described,
)
from darl.serve.keys import may_change


class AdminRoute(APIRoute):
    """Asks for an admin key before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            may_change(request)
            return await handler(request)

        return guarded


ERRORS = described(UnauthorizedError, ForbiddenError, NotFoundError, TooLargeError, InvalidError)
router = APIRouter(prefix="/admin", route_class=AdminRoute, responses=ERRORS, tags=["admin"])


class ReloadBody(BaseModel):
    """Which model.

    Attributes:
        model: Its folder, within the server's models root; relative to it, or absolute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1, max_length=4096)


class Serving(BaseModel):
    """What is served now."""

    model_sha: str
    folder: str
    grades: tuple[str, ...]


def folder_within(root: Path, given: str) -> Path:
    """A folder within the models root.

    Raises:
        InvalidError: It lies elsewhere.
    """
    try:
        folder = (root / given).resolve()
    except (ValueError, OSError) as error:
        raise InvalidError.of("model", "expected the path of a folder") from error
    if not folder.is_relative_to(root.resolve()):
        raise InvalidError.of("model", f"expected a folder within {root} (darl serve --models-root)")
    return folder


def _serving(engine: Engine) -> Serving:
    served = engine.served
    return Serving(model_sha=served.digest, folder=str(served.folder), grades=served.scale.names)


@router.post("/reload", summary="Serve another model")
async def reload(request: Request, body: ReloadBody) -> Serving:
    """Load a model, let it grade once, and serve it; if it cannot be trusted, what is served stays."""
    engine: Engine = request.app.state.engine
    folder = folder_within(engine.settings.models_root, body.model)
    try:
        await engine.reload(folder)
    except (DarlError, OSError) as error:
        raise InvalidError(f"model: {error}", [FieldFault("model", str(error))]) from error
    return _serving(engine)


@router.post("/rollback", summary="Serve the model before the last reload")
async def rollback(request: Request) -> Serving:
    """The model before the last reload is still in memory, and is served at once."""
    engine: Engine = request.app.state.engine
    if await engine.roll_back() is None:
        raise NotFoundError("there is no model to go back to: none was loaded before this one")
    return _serving(engine)
