"""What a server says of itself: the model, health, metrics, drift; and the page to try it on."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from darl import __version__
from darl.serve.drift import ALL
from darl.serve.engine import Engine
from darl.serve.errors import ClosingError, UnauthorizedError, described
from darl.serve.keys import may_ask
from darl.serve.metrics import MEDIA_TYPE
from darl.serve.routes import GuardedRoute


def _page(name: str) -> str:
    """A page, with the style that all have."""
    page, style = (
        files("darl.serve").joinpath(one).read_text(encoding="utf-8") for one in (f"{name}.html", "page.css")
    )
    return page.replace("/* page.css */", style)


PLAYGROUND, DRIFT = _page("playground"), _page("drift")

open_router = APIRouter(tags=["status"])
router = APIRouter(route_class=GuardedRoute, responses=described(UnauthorizedError), tags=["status"])


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


@open_router.get("/health", summary="Whether the process can answer", responses=described(ClosingError))
async def health(request: Request) -> dict[str, str]:
    """200 while the thread that scores is there."""
    if not _engine(request).batcher.alive:
        raise ClosingError("the thread that scores has ended")
    return {"status": "ok"}


@open_router.get("/ready", summary="Whether requests should be sent here", responses=described(ClosingError))
async def ready(request: Request) -> dict[str, str]:
    """200 while requests are taken; the model has been loaded and has graded before the port is open."""
    if _engine(request).closing:
        raise ClosingError("the server is going down")
    return await health(request)


@open_router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters and histograms in Prometheus' text form."""
    return Response(_engine(request).metrics.text(), media_type=MEDIA_TYPE)


@open_router.get("/", include_in_schema=False)
async def playground() -> HTMLResponse:
    """The page."""
    return HTMLResponse(PLAYGROUND)


@router.get("/info", summary="The model and the limits, as text-embeddings-inference has it")
async def info(request: Request) -> dict[str, Any]:
    """The model, its grades, and what the server takes."""
    engine = _engine(request)
    settings = engine.settings
    about = {
        "model_id": settings.names[0],
        "model_names": list(settings.names),
        "version": __version__,
        "max_client_batch_size": settings.max_documents,
        "max_body_bytes": settings.max_body_bytes,
        "auto_truncate": settings.too_long == "truncate",
        "tokenization_workers": 1,
    }
    about |= engine.served.info()
    if settings.batch_tokens is not None:
        about["max_batch_tokens"] = settings.batch_tokens
    return about


@open_router.get(
    "/drift", summary="How far traffic is from the training reference", response_model=dict[str, Any]
)
async def drift(request: Request) -> Response:
    """Histograms of the traffic and of the reference and how they differ, by measure: of all, and by slice.

    A browser gets a page that draws them; the page holds no numbers, so it needs no key.
    """
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(DRIFT)
    may_ask(request)
    engine = _engine(request)
    told, settings = engine.now.drift.told(), engine.settings
    alarm = {"psi": settings.drift_psi, "level": settings.drift_level}
    measures = told.pop(ALL)
    about = {"model_sha": engine.served.digest, "grades": engine.served.scale.names, "alarm": alarm}
    about |= {"measures": measures, "slices": told}
    return JSONResponse(about, headers={"Vary": "Accept"})
