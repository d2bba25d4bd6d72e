"""One measurement alone in a fresh process, so that its time and its memory are its own.

python -m benchmarks.selection_scale.child TASK, in JSON; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.child import resident
from benchmarks.selection_scale.made import World
from darl.catalogue import Component, build
from darl.files import whole_file
from darl.models.base import TUNED
from darl.ood.catalogue import DETECTORS
from darl.predictions import Candidates, Predictions
from darl.selection.catalogue import STRATEGIES

BUDGET = 300
DETECTOR = "knn"
"""Whose scores strategies are given."""

LAST = "ood_scores"
Row = dict[str, Any]


def measure(task: Row) -> Row:
    """What the task asks for: seconds of its steps, and the most memory that the process took."""
    work, world = Path(task["work"]), World(task["width"], task["seed"])
    return MEASURES[task["kind"]](task, world, work)


def prepare(task: Row, world: World, work: Path) -> Row:
    """A pool in memory as files, with the default detector's scores, for those that come after."""
    predictions, queries = world.pool(task["pairs"])
    reference = world.reference()
    detector = DETECTORS[DETECTOR]().fit(reference.fit[TUNED], reference.grades)
    arrays = predictions.arrays() | {"queries": queries, LAST: detector.score(predictions)}
    for name, array in arrays.items():
        with whole_file(pool_folder(task) / f"{name}.npy") as temporary:
            np.save(temporary, array)
    return {"seconds": 0.0}


def is_prepared(task: Row) -> bool:
    """Whether `prepare` has done its work."""
    return (pool_folder(task) / f"{LAST}.npy").exists()


def pool_folder(task: Row) -> Path:
    """Where `prepare` puts a pool."""
    return Path(task["work"]) / f"arrays-{task['width']}-{task['seed']}-{task['pairs']}"


def _arrays(task: Row) -> dict[str, Any]:
    return {file.stem: np.load(file) for file in pool_folder(task).glob("*.npy")}


def _predictions(arrays: dict[str, Any]) -> Predictions:
    return Predictions(arrays["logits"], arrays["grade_probs"], arrays["features"])


def detect(task: Row, world: World, work: Path) -> Row:
    """A detector fitted on the reference, and all pairs scored."""
    predictions, reference = _predictions(_arrays(task)), world.reference()
    detector = DETECTORS[task["name"]]()
    loaded = resident()
    fit_s, fitted = _timed(lambda: detector.fit(reference.fit[TUNED], reference.grades))
    seconds, _ = _timed(lambda: fitted.score(predictions))
    return {"fit_s": fit_s, "seconds": seconds, "loaded_bytes": loaded}


def select(task: Row, world: World, work: Path) -> Row:
    """A strategy with its default arguments, on pairs that have been scored."""
    arrays, reference = _arrays(task), world.reference()
    known = reference.fit[TUNED]
    detector = DETECTORS[DETECTOR]().fit(known, reference.grades)
    in_dist = detector.score(reference.held_out[TUNED])
    strategy = build("strategy", STRATEGIES, Component(name=task["name"]))
    loaded = resident()

    def choose() -> int:
        candidates = Candidates(
            _predictions(arrays), arrays[LAST], in_dist, arrays["queries"], known.features
        )
        return len(strategy.select(candidates, task["budget"], np.random.default_rng(0)))

    return {"seconds": _timed(choose)[0], "loaded_bytes": loaded}


def stream(task: Row, world: World, work: Path) -> Row:
    """From a folder of shards to the rows that `darl select` writes: fit, read, score, select, explain."""
    from benchmarks.selection_scale.shards import form
    from darl.pipeline.graded import GradedPool
    from darl.pipeline.predict_plan import read_plan
    from darl.pipeline.select_graded import choose_graded
    from darl.pipeline.stage import RoundConfig

    detector, strategy = task["name"].split("+")
    round_ = RoundConfig.model_validate(
        {"features": "tuned", "detector": detector, "strategy": strategy, "budget": task["budget"]}
    )
    reference = world.reference()
    loaded = resident()

    def choose() -> int:
        folder = Path(task["folder"])
        pool = GradedPool.of(folder, read_plan(folder, "make it again"), form())
        return len(list(choose_graded(pool, reference, round_, among=task.get("among")).rows()))

    return {"seconds": _timed(choose)[0], "loaded_bytes": loaded}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


MEASURES: dict[str, Callable[[Row, World, Path], Row]] = {
    "prepare": prepare,
    "detector": detect,
    "strategy": select,
    "stream": stream,
}


def main() -> None:
    """Measure and print."""
    found = measure(json.loads(sys.argv[1]))
    found |= {"cpu_s": time.process_time(), "peak_bytes": resident()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
