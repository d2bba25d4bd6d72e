"""One tiny model a session, and applications around it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.serve.made import save_served, settings_for


@pytest.fixture(scope="session")
def folder(tmp_path_factory, tiny_llm):
    return save_served(tmp_path_factory.mktemp("served") / "model", tiny_llm)


@pytest.fixture(scope="session")
def served(folder):
    from darl.serve.served import Served

    return Served.load(folder)


@pytest.fixture(scope="session")
def started():
    """A context in which a client asks an application in this process."""
    from starlette.testclient import TestClient

    from darl.serve.app import create_app
    from darl.serve.engine import Engine
    from darl.serve.served import Served

    @contextmanager
    def run(model, **settings):
        engine = Engine(model, settings_for(model.folder, **settings), Served.load)
        with TestClient(create_app(engine), raise_server_exceptions=False) as client:
            yield client

    return run


@pytest.fixture(scope="module")
def client(started, folder):
    """With a model of its own: while a server is up, its adapter stays folded in, for one thread alone."""
    from darl.serve.served import Served

    with started(Served.load(folder)) as client:
        yield client
