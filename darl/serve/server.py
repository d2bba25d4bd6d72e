"""From a model's folder to a server that listens."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from darl.errors import ConfigError
from darl.models.config import Dtype
from darl.models.machine import share_processors
from darl.progress import SILENT, Progress
from darl.serve.app import create_app
from darl.serve.engine import Engine
from darl.serve.logs import LOGGER, set_up
from darl.serve.served import Served
from darl.serve.settings import Settings

KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
"""Connections that may wait to be accepted; uvicorn's own default."""


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address; port 0 = any that is free.

    Raises:
        ConfigError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio switch Nagle's algorithm off: with it an answer's body
    # waits until the client has acknowledged its head, which many do after 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError("darl serve", [f"cannot listen on {host}:{port}: {error.strerror}"]) from error
    return listener


def serve(
    model: Path,
    settings: Settings,
    listener: socket.socket,
    *,
    backbone: str | None = None,
    dtype: Dtype | None = None,
    calibrated: bool = True,
    ood: bool = True,
    progress: Progress = SILENT,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve a model until the process is told to stop (SIGTERM, SIGINT); what was accepted is answered.

    Args:
        model: Its folder.
        settings: How the server is set.
        listener: Where it listens.
        backbone: Where the backbone is now, if not where the model says.
        dtype: Of the backbone; see `Served.load`.
        calibrated: Whether models' calibrations are applied.
        ood: Whether models' detectors say how unusual each pair is.
        progress: Told of a download.
        ready: Told the address once the model has graded.

    Raises:
        CheckpointError: The model cannot be trusted.
        ConfigError: Its calibration needs the detector, or pairs are to be captured and there is none.
    """

    def load(folder: Path) -> Served:
        how: Any = {"backbone": backbone, "dtype": dtype, "calibrated": calibrated, "ood": ood}
        served = Served.load(folder, **how, progress=progress)
        if settings.capture is not None and served.teller.gauge is None:
            told = "--capture needs ood_percentile, and the model keeps no detector: train it with one"
            raise ConfigError(str(folder), [told])
        return served

    engine = _engine(model, settings, load)
    set_up(texts=settings.log_text)
    # Whoever reads the address may connect at once, and waits until the loop accepts.
    listener.listen(BACKLOG)
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    LOGGER.info("listening", extra={"address": address, "model_sha": engine.served.digest})
    ready(address)
    config = uvicorn.Config(
        create_app(engine),
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=BACKLOG,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _engine(model: Path, settings: Settings, load: Callable[[Path], Served]) -> Engine:
    """An engine that alone holds the model: a name for it in `serve` would keep it until the server ends."""
    served = load(model)
    workers = share_processors(settings.workers, served.on_cpu)
    return Engine(served, settings.model_copy(update={"workers": workers}), load)
