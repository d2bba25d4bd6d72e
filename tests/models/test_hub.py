"""A hub of our own on 127.0.0.1; the client reads its settings when it is imported, hence processes."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import darl
from darl.models.hub import HubId, hub_id, is_hub_id
from tests.models.fake_wheels import encoder_files

COMMIT = "c" * 40
CODE = {"modeling_own.py": b"raise SystemExit('ran')"}
OWN = json.dumps({"model_type": "own", "auto_map": {"AutoModel": "modeling_own.Own"}}).encode()
FILES = encoder_files()
REPOSITORIES = {
    "org/whole": {
        **FILES,
        "pytorch_model.bin": b"pickle",
        "onnx/model.safetensors": b"copy",
        "chat_template.jinja": b"{}",
    },
    "org/own-code": {**FILES, **CODE, "config.json": OWN},
    "org/pickled": {"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"pickle"},
    "org/gated": FILES,
}

RESOLVE = """
import json, sys
from darl.models.store import is_cached, resolve
from tests.models.recorder import Recorder
told = []
for name, trust in json.loads(sys.argv[1]):
    progress = Recorder()
    entry = {"before": is_cached(name)}
    try:
        folder = resolve(name, progress=progress, trust_remote_code=trust)
        entry["files"] = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        entry["folder"] = str(folder)
    except Exception as error:
        entry["error"] = [type(error).__name__, str(error)]
    told.append(entry | {"tasks": progress.tasks, "messages": progress.messages, "after": is_cached(name)})
json.dump(told, sys.stdout)
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a snapshot needs."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, *args):
        pass

    def _answer(self, body):
        path = self.path.partition("?")[0].strip("/")
        self.server.asked.append(path)
        for name, files in REPOSITORIES.items():
            if path.startswith((f"api/models/{name}/", f"{name}/resolve/")):
                return self._repository(name, files, path, body)
        return self._send(404, b"", body, {"X-Error-Code": "RepoNotFound"})

    def _repository(self, name, files, path, body):
        if name == "org/gated":
            return self._send(403, b"", body, {"X-Error-Code": "GatedRepo"})
        if path.startswith(f"{name}/resolve/{COMMIT}/"):
            content = files[path.removeprefix(f"{name}/resolve/{COMMIT}/")]
            etag = hashlib.sha256(content).hexdigest()
            return self._send(200, content, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        if "/tree/" in path:
            listed = [
                {"type": "file", "path": key, "size": len(files[key]), "oid": "0" * 40} for key in files
            ]
            return self._send(200, json.dumps(listed).encode(), body, {})
        if path.endswith(("/revision/main", f"/revision/{COMMIT}")):
            told = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": key} for key in files]}
            return self._send(200, json.dumps(told).encode(), body, {})
        return self._send(404, b"", body, {"X-Error-Code": "RevisionNotFound"})

    def _send(self, status, content, body, headers):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def resolved(home, names, port, **settings):
    """What a process with its own hub cache says about each (name, trust_remote_code)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "DARL_"))}
    root = Path(darl.__path__[0]).parent
    environment = {
        **kept,
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(home),
        "NO_PROXY": "127.0.0.1",
    }
    environment |= {"PYTHONPATH": str(root), "HF_HUB_DISABLE_TELEMETRY": "1", **settings}
    command = [sys.executable, "-c", RESOLVE, json.dumps(names)]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def first(hub, tmp_path_factory):
    """The answers of one process to every kind of repository, and its cache."""
    home = tmp_path_factory.mktemp("home")
    names = [
        "org/whole",
        "org/own-code",
        "org/pickled",
        "org/gated",
        "org/none",
        "org/whole@v9",
        f"org/whole@{COMMIT}",
    ]
    told, shown = resolved(home, [(name, False) for name in names], hub.server_port)
    return dict(zip(names, told, strict=True)), home, shown


def test_only_what_a_model_needs_is_fetched(first, hub):
    told, home, _ = first
    whole = told["org/whole"]
    assert whole["files"] == sorted([*FILES, "chat_template.jinja"])
    assert Path(whole["folder"]).is_relative_to(home)
    assert not [path for path in hub.asked if path.endswith(("pytorch_model.bin", "onnx/model.safetensors"))]
    assert (whole["before"], whole["after"]) == (False, True)


def test_progress_is_reported_in_bytes_and_the_client_draws_nothing(first):
    told, _, shown = first
    size = sum(map(len, FILES.values())) + 2
    assert told["org/whole"]["tasks"] == [["fetch org/whole", size, "B"]]
    assert "%|" not in shown


def test_code_is_fetched_only_when_asked_for_by_name(first, hub):
    told, home, _ = first
    own = told["org/own-code"]
    assert own["files"] == sorted(FILES)
    assert "code of its own, which darl neither fetches nor runs" in own["messages"][0]
    assert not [path for path in hub.asked if path.endswith(".py")]
    [trusted], _ = resolved(home, [("org/own-code", True)], hub.server_port)
    assert trusted["files"] == sorted([*FILES, *CODE])
    assert trusted["messages"] == []


def test_pickled_weights_are_never_fetched(first):
    kind, text = first[0]["org/pickled"]["error"]
    assert kind == "CheckpointError"
    assert "there are no *.safetensors weights" in text
    assert not first[0]["org/pickled"]["after"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "org/gated",
            "it is gated; accept its licence on the page of org/gated on the hub, then set HF_TOKEN",
        ),
        ("org/none", "the hub has no such public model, and there is no folder of that name here"),
        ("org/whole@v9", "it has no revision 'v9'"),
    ],
)
def test_what_the_hub_refuses_says_what_to_do(first, name, said):
    kind, text = first[0][name]["error"]
    assert kind == "DownloadError"
    assert text.startswith(f"{name} could not be fetched")
    assert said in text


def test_a_commit_is_the_same_model_as_the_branch_and_was_already_there(first):
    pinned = first[0][f"org/whole@{COMMIT}"]
    assert pinned["folder"] == first[0]["org/whole"]["folder"]
    assert pinned["before"]
    assert pinned["tasks"] == []


@pytest.mark.parametrize("settings", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_without_a_hub_the_cached_model_is_used_and_another_says_what_to_do(first, hub, settings):
    _, home, _ = first
    [whole, other], _ = resolved(
        home, [("org/whole", False), ("org/other", False)], hub.server_port, **settings
    )
    assert whole["files"] == sorted([*FILES, "chat_template.jinja"])
    kind, text = other["error"]
    assert kind == "DownloadError"
    for advice in (
        "HTTPS_PROXY",
        "HF_ENDPOINT",
        "HF_HUB_OFFLINE",
        "hf download org/other --local-dir FOLDER",
    ):
        assert advice in text


def test_names():
    assert hub_id("org/name") == HubId("org/name", None)
    assert hub_id("org/name@refs/pr/1") == HubId("org/name", "refs/pr/1")
    assert str(hub_id("org/name@v1.0")) == "org/name@v1.0"
    for name in ("name", "a/b/c", "org/name@", "../name", "org/", "https://x/y", "org/na me"):
        assert not is_hub_id(name)
    with pytest.raises(ValueError, match="is not org/name"):
        hub_id("name")
