"""`darl serve`, as a user types it: what is refused before anything is loaded."""

from __future__ import annotations

import socket

import pytest

from darl.errors import ConfigError
from darl.serve.server import listen
from tests.cli.test_cli import darl


def test_settings_that_do_not_fit(tmp_path):
    error = darl("serve", tmp_path, "--deadline", 0, "--max-documents", 0, "--port", 0, code=1).stderr
    assert "2 faults" in error
    assert "deadline" in error
    assert "max_documents" in error
    drift = ("--drift-psi", 0, "--drift-level", 1, "--drift-slices", 999)
    error = darl("serve", tmp_path, *drift, code=1).stderr
    assert all(name in error for name in ("3 faults", "drift_psi", "drift_level", "drift_slices"))
    error = darl("serve", tmp_path, "--half-life", 1, code=1).stderr
    assert "half_life" in error
    error = darl("serve", tmp_path, "--capture-share", 0.5, code=2).stderr
    assert "need --capture FOLDER" in error
    error = darl("serve", tmp_path, "--capture", tmp_path, "--capture-share", 2, code=1).stderr
    assert "capture.share" in error
    error = darl("serve", tmp_path, "--redact", "email", code=2).stderr
    assert "need --capture FOLDER" in error
    error = darl("serve", tmp_path, "--capture", tmp_path, "--redact", "(", code=1).stderr
    assert "capture.redact" in error


def test_keys_that_cannot_be_read_and_a_folder_that_is_no_model(tmp_path):
    error = darl("serve", tmp_path, "--keys", tmp_path / "absent", code=1).stderr
    assert "expected a text file of keys" in error
    error = darl("serve", tmp_path, "--port", 0, code=1).stderr
    assert "expected a model folder with darl.json" in error


def test_an_address_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", 0) as free:
        assert free.getsockname()[1] > 0
