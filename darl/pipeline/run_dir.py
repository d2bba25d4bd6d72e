"""Where a run keeps what it made, so that it can be read, and resumed.

    experiment.json                       the experiment as it was checked
    data.sha256                           identity of the pairs
    environment.json                      versions and hardware
    report.json, report.html              the result
    stages/seed-N/1-NAME-DIGEST/          one folder a stage
        log.jsonl, tensorboard/           what happened
        checkpoint.safetensors            how far its training is
        round/                            what its round saw, chose and was told
        model/                            what came out
        rounds/1/, rounds/2/, ...         the same for each round, where there are several (rounds.py)
    stages/seed-N/end-DIGEST/             ending.json and model/, of a recipe that interpolates or has a gate
    recipes/RECIPE/seed-N/predictions/    what the final model says of each test slice
    recipes/RECIPE/seed-N/model           a link to the final model

The digest is of the objective and all stages so far: recipes that begin alike share their first stages, which
are trained once. Everything is written whole or not at all; what is there is not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from accelerate import PartialState

from darl.errors import ConfigError
from darl.files import write_text
from darl.pipeline.environment import environment
from darl.pipeline.experiment import Experiment
from darl.pipeline.recipe import Recipe

EXPERIMENT = "experiment.json"
DATA = "data.sha256"


class RunDir:
    """The folder of one run.

    Under several processes the main one makes and writes, the others wait and read.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # The others may wait for hours while the main process predicts a pool.
        self._state = PartialState(timeout=timedelta(days=7))

    @classmethod
    def open(cls, root: Path, experiment: Experiment, *, resume: bool) -> RunDir:
        """Begin a run in an empty folder, or go on with an earlier one.

        Raises:
            ConfigError: The folder holds a run and `resume` is not set, or a run of another experiment.
        """
        run_dir = cls(root)
        path = root / EXPERIMENT
        wanted = experiment.model_dump(mode="json")
        if root.exists() and not root.is_dir():
            raise ConfigError(str(root), ["is a file: give a folder"])
        if path.exists() and not resume:
            raise ConfigError(str(root), ["holds a run already: go on with --resume, or give another --out"])
        if (
            not path.exists()
            and root.exists()
            and any(not one.name.startswith(".") for one in root.iterdir())
        ):
            raise ConfigError(str(root), ["holds files that are not a run's: give another --out"])
        if path.exists() and (changed := _changed(json.loads(path.read_text(encoding="utf-8")), experiment)):
            raise ConfigError(
                str(root), [f"the run was begun with another {key}: give another --out" for key in changed]
            )
        run_dir._state.wait_for_everyone()
        run_dir.once(path, lambda: write_text(path, json.dumps(wanted, indent=2) + "\n"))
        run_dir.write(root / "environment.json", json.dumps(environment(), indent=2) + "\n")
        return run_dir

    def stage(self, recipe: Recipe, seed: int, number: int) -> Path:
        """The folder of a recipe's stage, numbered from 1."""
        name = f"{number}-{recipe.stages[number - 1].name}"
        return self.root / "stages" / f"seed-{seed}" / f"{name}-{_digest(_so_far(recipe, number))}"

    def end(self, recipe: Recipe, seed: int) -> Path:
        """The folder of what a recipe ends in: that of its last stage, or of what is decided after it."""
        if not recipe.ends:
            return self.stage(recipe, seed, len(recipe.stages))
        ends = recipe.model_dump(mode="json", include={"interpolate", "gate"})
        digest = _digest([*_so_far(recipe, len(recipe.stages)), ends])
        return self.root / "stages" / f"seed-{seed}" / f"end-{digest}"

    def recipe(self, name: str, seed: int) -> Path:
        """The folder of a recipe's results with one seed."""
        return self.root / "recipes" / name / f"seed-{seed}"

    def predictions(self, name: str, seed: int, slice_name: str) -> Path:
        """What a recipe's final model says of a test slice."""
        return self.recipe(name, seed) / "predictions" / f"{slice_name}.safetensors"

    def once(self, path: Path, make: Callable[[], object]) -> None:
        """Have `path` made by the main process, if it is not there."""
        if self._state.is_main_process and not path.exists():
            make()
        self._state.wait_for_everyone()

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return bool(self._state.is_main_process)

    def check_data(self, digest: str) -> None:
        """Refuse to go on with other data than the run was begun with.

        Raises:
            ConfigError: The data are not those of the run: its labels and predictions would be matched
                with other pairs.
        """
        path = self.root / DATA
        self.once(path, lambda: write_text(path, digest + "\n"))
        if path.read_text(encoding="utf-8").strip() != digest:
            raise ConfigError(
                str(self.root), ["the data have changed since the run was begun: give another --out"]
            )

    def write(self, path: Path, text: str) -> None:
        """Write, in the main process only."""
        if self._state.is_main_process:
            write_text(path, text)

    def link(self, link: Path, target: Path) -> None:
        """Make `link` point at `target`, both in the run."""
        if self._state.is_main_process:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)


def _so_far(recipe: Recipe, number: int) -> list[Any]:
    """What a recipe does up to a stage, as JSON holds it."""
    stages = recipe.stages[:number]
    # Before a round there is nothing to hold out, and stages are those of any recipe that begins so.
    held_out = [{"hold_out": recipe.hold_out}] if recipe.hold_out and any(one.round for one in stages) else []
    return [recipe.objective.model_dump(), *(stage.model_dump() for stage in stages), *held_out]


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]


def _changed(was: dict[str, Any], experiment: Experiment) -> list[str]:
    """Keys that differ; one that an earlier version of darl did not know had its default."""
    now = experiment.model_dump(mode="json")
    unsaid = now.keys() - was.keys() - experiment.model_dump(exclude_defaults=True).keys()
    was, now = _by_content(was), _by_content(now)
    return [key for key in {**was, **now} if key not in unsaid and was.get(key) != now.get(key)]


def _by_content(content: dict[str, Any]) -> dict[str, Any]:
    """Of the data only the names of slices: files may move, and `check_data` knows what is in them."""
    slices = {key: list(content["data"].get(key) or ()) for key in ("test", "valid_ood")}
    return {**content, "data": slices}
