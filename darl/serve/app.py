"""The application: routes, gate and errors around an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from darl import __version__
from darl.serve import admin, routes, status
from darl.serve.engine import Engine
from darl.serve.errors import add_handlers
from darl.serve.gate import Gate
from darl.serve.keys import Keyring

ABOUT = """Relevance of items to a query, with grades, calibrated probabilities and how unusual each pair is.

The ranking routes have the shapes of Cohere, Jina, text-embeddings-inference and vLLM. `"darl": true` in a
body adds to every result what those have no place for."""


def create_app(engine: Engine) -> FastAPI:
    """An ASGI application; when it shuts down, the engine finishes what it accepted."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.close()

    app = FastAPI(
        title="darl",
        version=__version__,
        description=ABOUT,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.engine = engine
    app.state.keys = Keyring(engine.settings.keys)
    app.state.admin_keys = Keyring(engine.settings.admin_keys)
    for router in (routes.router, status.open_router, status.router, admin.router):
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Gate, metrics=engine.metrics, most_bytes=engine.settings.max_body_bytes)
    return app
