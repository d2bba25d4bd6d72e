"""What is paid before the first score: starting a process, and its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.engine.bench import Bench
from benchmarks.engine.clock import in_turn, say
from benchmarks.engine.contenders import CAUSAL, CE_BEST, CE_DEFAULT, DARL, INT8
from benchmarks.engine.cross_encoder import PromptHalves, classifier_folder, grade_rows
from benchmarks.engine.rerank import described
from darl.models.checkpoint import save_model

ROUNDS = 3
ROOT = Path(__file__).parents[2]
ONE_PAIR = """\
import sys
from sentence_transformers import CrossEncoder
model = CrossEncoder(sys.argv[1], num_labels=3, max_length=256, device=sys.argv[2], local_files_only=True)
print(model.predict([(sys.argv[3], sys.argv[4])]))
"""


def run_cold(bench: Bench) -> dict[str, Any]:
    """Wall time of commands from start to end, in turn."""
    commands = _commands(bench)
    calls = {name: _runner(command) for name, command in commands.items()}
    rounds = 1 if bench.setup.quick else ROUNDS
    seconds, _ = in_turn(calls, rounds, lambda name, s: say(f"cold start: {name}: {s:.2f} s"))
    return {"rounds": rounds, "seconds": seconds}


def _commands(bench: Bench) -> dict[str, list[str]]:
    setup = bench.setup
    model, pairs, out = (setup.workspace / name for name in ("saved", "pair.jsonl", "graded.jsonl"))
    pair = bench.corpus.graded[0].pair
    save_model(setup.model(), model)
    pairs.write_text(json.dumps({"query": pair.query, "item": pair.item}) + "\n", encoding="utf-8")
    texts = PromptHalves(setup.config()).of(pair)
    folder = str(classifier_folder(setup))
    darl = [sys.executable, "-m", "darl"]
    return {
        "darl --help": [*darl, "--help"],
        "darl predict, one pair": [*darl, "predict", str(model), str(pairs), "--out", str(out)],
        "CrossEncoder, one pair": [sys.executable, "-c", ONE_PAIR, folder, setup.device, *texts],
    }


def _runner(command: list[str]) -> Callable[[], str]:
    return lambda: run_quietly(command)


def run_quietly(command: list[str]) -> str:
    """What a command prints.

    Raises:
        RuntimeError: It fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} {command[1:3]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def run_memory(bench: Bench) -> dict[str, Any]:
    """Each contender alone in a fresh process that scores one query's items."""
    setup = bench.setup
    # Made here: a process that makes them is larger than one that uses them.
    classifier_folder(setup)
    grade_rows(setup)
    found, contenders = {}, {}
    names = (CE_BEST, DARL) if setup.quick else (CE_DEFAULT, CE_BEST, CAUSAL, DARL, INT8)
    for one in bench.contenders(names):
        choice = json.dumps(bench.chosen.get(one.name, {}))
        command = [sys.executable, "-m", "benchmarks.engine.child", setup.as_json(), one.name, choice]
        found[one.name] = json.loads(run_quietly(command).splitlines()[-1])
        contenders[one.name] = described(one)
        peak = found[one.name]["peak_bytes"]["scored"]
        say(f"memory: {one.name}: {peak / 2**20:,.0f} MiB at the most")
    return {"contenders": contenders, "memory": found}
