"""What the processor is good at, found out by asking and by trying."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import sys
import time
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
# bfloat16 must win clearly: on processors that only emulate it, it is several times slower.
WORTHWHILE = 1.5
CALLS = 2


@cache
def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices at least 1.5 times as fast as float32 ones.

    Measured once a process, in some tens of milliseconds, on the shapes of a small transformer.
    """
    return _seconds(torch.float32) >= WORTHWHILE * _seconds(torch.bfloat16)


@torch.inference_mode()
def _seconds(dtype: torch.dtype) -> float:
    states, weight = torch.ones(256, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    times = []
    for _ in range(4):  # the first one also sets up
        start = time.perf_counter()
        torch.nn.functional.linear(states, weight)
        times.append(time.perf_counter() - start)
    return min(times)


def usable_cpus(cpu_max: Path = CPU_MAX) -> int:
    """Processors that this process may use: its affinity, and its container's share where that is less.

    Args:
        cpu_max: Where Linux says of the container "MICROSECONDS PERIOD" or "max PERIOD".
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text(encoding="ascii").split()
        return cpus if quota == "max" else max(1, min(cpus, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        return cpus


def settle_threads() -> None:
    """Let torch use as many threads as there are processors to run them, unless OMP_NUM_THREADS says.

    torch counts the machine's processors, not the container's; threads without a processor make every other
    one wait.
    """
    if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > usable_cpus():
        torch.set_num_threads(usable_cpus())


def give_back_memory() -> None:
    """Free what nothing can reach any more, and return free memory to the system.

    glibc keeps what is freed between blocks that are still in use, unless it is told to trim.
    Other C libraries are not told.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def share_processors(calls: int | None, on_cpu: bool) -> int:
    """How many model calls run at a time; each gets its share of the processors, for the rest of the process.

    Several calls of few threads do more than one of many, whose threads wait for each other after every step,
    and for any other that takes a processor from one of them. numpy's products get one thread: its threads
    go on turning for tens of milliseconds after a product of one, on the processors that torch needs.

    Args:
        calls: How many; None = 2, and 1 where the model is on a GPU or there is one processor.
        on_cpu: Whether the model is.
    """
    cpus = usable_cpus()
    found = calls or (min(CALLS, cpus) if on_cpu else 1)
    threadpool_limits(1, user_api="blas")
    if "OMP_NUM_THREADS" not in os.environ and on_cpu:
        torch.set_num_threads(max(1, cpus // found))
    return found
