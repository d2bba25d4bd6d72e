"""What other runtimes would bring: the linear maps of SmolLM2-135M in PyTorch, ONNX Runtime and OpenVINO.

    pip install onnx onnxruntime openvino
    python benchmarks/runtimes.py

Linear maps are four fifths of a packed pass, so a runtime whose maps are 10 % faster brings 8 % at most. Each
runtime has a process of its own, for their idle threads spin and would slow the next one; one that is not
installed is left out. Prints GFLOP/s (medians) and the mean error relative to float32.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from darl.models.int8 import Int8Linear, LastInput

SHAPES = [(1800, 576, 576), (1800, 576, 1536), (1800, 1536, 576)]
ROUNDS = 9
Array = npt.NDArray[np.float32]
Map = Callable[[], Array]


def pytorch(states: Array, weight: Array) -> dict[str, Map]:
    """PyTorch as darl uses it."""
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = torch.from_numpy(weight)
    tensor, shared = torch.from_numpy(states), LastInput()
    int8 = Int8Linear.of(linear, torch.ones(weight.shape[1]), shared)

    def run(one: torch.nn.Module) -> Map:
        @torch.inference_mode()
        def score() -> Array:
            shared.forget()
            result: Array = one(tensor).numpy()
            return result

        return score

    return {"torch float32": run(linear), "torch int8 (darl)": run(int8)}


def onnxruntime(states: Array, weight: Array) -> dict[str, Map]:
    """ONNX Runtime; its int8 has one scale for the whole tensor, so that rows depend on each other."""
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    def session(node: onnx.NodeProto, constants: dict[str, npt.NDArray[np.generic]]) -> Map:
        graph = helper.make_graph(
            [node],
            "map",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, weight.shape[1]])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, weight.shape[0]])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        imports = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=9)
        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        loaded = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return lambda: loaded.run(None, {"x": states})[0]

    columns = np.ascontiguousarray(weight.T)
    scale = (np.abs(columns).max(axis=0) / 127).astype(np.float32)
    whole = np.round(columns / scale).astype(np.int8)
    quantised = helper.make_node("DynamicQuantizeMatMul", ["x", "w", "s"], ["y"], domain="com.microsoft")
    return {
        "onnxruntime float32": session(helper.make_node("MatMul", ["x", "w"], ["y"]), {"w": columns}),
        "onnxruntime int8": session(quantised, {"w": whole, "s": scale}),
    }


def openvino(states: Array, weight: Array) -> dict[str, Map]:
    """OpenVINO; int8 are compressed weights with dynamically quantised activations."""
    import openvino as ov
    from openvino import opset13 as op

    core = ov.Core()

    def compiled(weights: Callable[[], ov.Node]) -> Map:
        x = op.parameter([-1, weight.shape[1]], np.float32)
        model = ov.Model([op.matmul(x, weights(), False, True)], [x], "map")
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        return lambda: request.infer({0: states}, share_inputs=True, share_outputs=True)[0]

    scale = (np.abs(weight).max(axis=1, keepdims=True) / 127).astype(np.float32)
    whole = np.round(weight / scale).astype(np.int8)
    return {
        "openvino float32": compiled(lambda: op.constant(weight)),
        "openvino int8": compiled(
            lambda: op.multiply(op.convert(op.constant(whole), "f32"), op.constant(scale))
        ),
    }


RUNTIMES = {"torch": pytorch, "onnxruntime": onnxruntime, "openvino": openvino}


def measure(runtime: str) -> None:
    """Print median GFLOP/s and mean relative error of each of a runtime's ways."""
    rng = np.random.default_rng(0)
    for rows, n_in, n_out in SHAPES:
        states, weight = (rng.standard_normal(shape, np.float32) for shape in ((rows, n_in), (n_out, n_in)))
        exact = states @ weight.T
        for name, way in RUNTIMES[runtime](states, weight).items():
            error = float(np.abs(way() - exact).mean() / np.abs(exact).mean())
            seconds = statistics.median(_seconds(way) for _ in range(ROUNDS))
            speed = 2 * rows * weight.size / seconds / 1e9
            print(f"{name:<22}({rows}, {n_in}) x ({n_in}, {n_out}){speed:10.0f}  ({error:.4f})", flush=True)


def _seconds(way: Map) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def main(arguments: list[str]) -> None:
    """Measure the named runtime, or every one that is installed, each in its own process."""
    if arguments:
        measure(arguments[0])
        return
    print(
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; GFLOP/s (mean relative error)",
        flush=True,
    )
    for runtime in RUNTIMES:
        if importlib.util.find_spec(runtime):
            subprocess.run([sys.executable, __file__, runtime], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
