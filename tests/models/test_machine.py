import gc
import os
import subprocess
import sys
import weakref

import pytest
import torch

from darl.grades import GradeScale
from darl.models import machine
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.machine import give_back_memory
from tests.tiny import save_causal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", None),
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("5000 100000", 1),
        ("99900000 100000", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_usable_cpus(tmp_path, text, expected):
    file = tmp_path / "cpu.max"
    file.write_text(text)
    there = len(os.sched_getaffinity(0))
    assert machine.usable_cpus(file) == min(there, expected or there)
    assert machine.usable_cpus(tmp_path / "none") == there


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, False), (1.4, False), (1.6, True), (0.1, False)])
def test_bfloat16_must_win_clearly(monkeypatch, ratio, expected):
    seconds = {torch.float32: ratio, torch.bfloat16: 1.0}
    monkeypatch.setattr(machine, "_seconds", seconds.__getitem__)
    machine.fast_bfloat16.cache_clear()
    assert machine.fast_bfloat16() is expected
    machine.fast_bfloat16.cache_clear()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU decides by itself")
@pytest.mark.parametrize("fast", [True, False])
def test_auto_is_the_faster_type(monkeypatch, tmp_path, fast):
    monkeypatch.setattr("darl.models.build.fast_bfloat16", lambda: fast)
    model = build_model(ModelConfig(backbone=str(save_causal(tmp_path))), GradeScale())
    weights = {weight.dtype for name, weight in model.scorer.body.named_parameters() if "lora" not in name}
    assert weights == {torch.bfloat16 if fast else torch.float32}


def test_threads_are_as_many_as_processors():
    code = (
        "import torch; from darl.models.machine import settle_threads as s; torch.set_num_threads(64); s(); "
    )
    code += "print(torch.get_num_threads())"
    settings = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    for more, expected in (({}, machine.usable_cpus()), ({"OMP_NUM_THREADS": "3"}, 64)):
        done = subprocess.run(
            [sys.executable, "-c", code], env=settings | more, capture_output=True, check=True
        )
        assert int(done.stdout) == expected


SHARED = """
import sys
import torch
from darl.models.machine import share_processors, usable_cpus
from threadpoolctl import threadpool_info

calls = share_processors(int(sys.argv[1]) or None, sys.argv[2] == "cpu")
blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
print(calls, torch.get_num_threads(), usable_cpus(), max(blas))
"""


@pytest.mark.parametrize(("calls", "where"), [(0, "cpu"), (1, "cpu"), (3, "cpu"), (0, "gpu")])
def test_calls_share_the_processors(calls, where):
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", SHARED, str(calls), where]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    found, threads, cpus, blas = map(int, told.split())
    assert found == (calls or (min(2, cpus) if where == "cpu" else 1))
    assert blas == 1
    if where == "cpu":
        assert threads == max(1, cpus // found)


def test_what_nothing_can_reach_goes():
    class Knot:
        pass

    knot = Knot()
    knot.itself, gone = knot, weakref.ref(knot)
    gc.disable()
    try:
        del knot
        assert gone() is not None
        give_back_memory()
        assert gone() is None
    finally:
        gc.enable()
