"""The machine: what it is, and how fast it can multiply at best."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from darl.models.machine import usable_cpus

FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
PACKAGES = (
    *("darl", "torch", "transformers", "sentence-transformers", "peft", "accelerate"),
    *("tokenizers", "numpy"),
)
ROWS = (256, 1024)
SECONDS = 0.1
# Two products of 8 x 7 bits fit into 16: CPUs without VNNI add pairs of products in so many, and saturate.
INT8_WEIGHT = 63

Multiply = Callable[[], torch.Tensor]


def identity() -> dict[str, Any]:
    """What must be the same for numbers to stand in one table."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **_processor(),
        "cores": usable_cpus(),
        "torch_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _processor() -> dict[str, Any]:
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [line.partition(":") for line in text.splitlines()]
    facts = {name.strip(): value.strip() for name, _, value in lines}
    flags = facts.get("flags", "").split()
    return {
        "processor": facts.get("model name", platform.processor()),
        "family_model": f"{facts.get('cpu family', '?')}/{facts.get('model', '?')}",
        "flags": {name: name in flags for name in FLAGS},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def peak(
    hidden: int, inner: int, device: str, *, rows: Sequence[int] = ROWS, seconds: float = SECONDS
) -> dict[str, Any]:
    """Matrix products of a transformer's shapes: G operations a second, for each number type.

    Args:
        hidden: Width of the model.
        inner: Width of its feed-forward layers.
        device: "cpu" or "cuda".
        rows: Tokens of a pass.
        seconds: For each type and shape.

    Returns:
        By type: "median" over the shapes of the median rate, "best" shape, and "shapes", all of them. A
        type that the machine cannot do is left out.
    """
    widths = ((hidden, hidden), (hidden, inner), (inner, hidden))
    shapes = [(tokens, *pair) for tokens in rows for pair in widths]
    found = {}
    for name, maker in _kinds(device).items():
        rates = {}
        for shape in shapes:
            try:
                call = maker(*shape, device)
                rates["x".join(map(str, shape))] = _rate(call, 2.0 * shape[0] * shape[1] * shape[2], seconds)
            except (RuntimeError, AttributeError, NotImplementedError):
                break
        else:
            values = sorted(rates.values())
            found[name] = {"median": statistics.median(values), "best": values[-1], "shapes": rates}
    return found


def _kinds(device: str) -> dict[str, Callable[..., Multiply]]:
    kinds: dict[str, Callable[..., Multiply]] = {"float32": _float32, "bfloat16": _bfloat16}
    return kinds | ({"int8": _int8} if device == "cpu" else {})


def _rate(call: Multiply, flop: float, seconds: float) -> float:
    """Median G operations a second of single calls."""
    times: list[float] = []
    call()
    while sum(times) < seconds or len(times) < 3:
        _wait()
        began = time.perf_counter()
        call()
        _wait()
        times.append(time.perf_counter() - began)
    return flop / statistics.median(times) / 1e9


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _float32(rows: int, width: int, out: int, device: str) -> Multiply:
    return _linear(rows, width, out, device, torch.float32)


def _bfloat16(rows: int, width: int, out: int, device: str) -> Multiply:
    return _linear(rows, width, out, device, torch.bfloat16)


def _linear(rows: int, width: int, out: int, device: str, dtype: torch.dtype) -> Multiply:
    states = torch.randn(rows, width, device=device).to(dtype)
    weight = torch.randn(out, width, device=device).to(dtype)
    return lambda: F.linear(states, weight)


def _int8(rows: int, width: int, out: int, device: str) -> Multiply:
    """The linear map of oneDNN with 8-bit states and weights, with float32 results, as torch offers it."""
    onednn: Any = torch.ops.onednn
    states = torch.randint(0, 256, (rows, width), dtype=torch.uint8, device=device)
    plain = torch.randint(-INT8_WEIGHT, INT8_WEIGHT + 1, (out, width), dtype=torch.int8, device=device)
    weight = onednn.qlinear_prepack(plain, None)
    scales, zeros = torch.ones(out), torch.zeros(out, dtype=torch.int64)

    def multiply() -> torch.Tensor:
        result: torch.Tensor = onednn.qlinear_pointwise(
            states, 1.0, 128, weight, scales, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return result

    return multiply
