"""The mean of a recipe's final models over its seeds, as a model of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from darl.models.checkpoint import load_model
from darl.models.interpolate import soup
from darl.models.trained import Trained
from darl.pipeline.data import Splits
from darl.pipeline.exam import examine
from darl.pipeline.experiment import Experiment
from darl.pipeline.kept import Keeping
from darl.pipeline.run_dir import RunDir
from darl.pipeline.train import keep_model
from darl.progress import SILENT, Progress


def soups_of(experiment: Experiment) -> Mapping[str, str]:
    """The soups that an experiment reports on: their names, and whose seeds they are the mean of."""
    return {f"{name}-soup": name for name, recipe in experiment.recipes.items() if recipe.soup}


def cook_soups(experiment: Experiment, splits: Splits, run_dir: RunDir, progress: Progress = SILENT) -> None:
    """Make every soup, and predict the test slices with it; it stands under the first seed.

    What is kept with it, for `darl select` and `darl predict`, is of the training pairs: what was selected
    differs from seed to seed.
    """
    seed = experiment.seeds[0]
    for name, recipe in soups_of(experiment).items():
        folder = run_dir.recipe(name, seed)
        parts = [run_dir.recipe(recipe, one) / "model" for one in experiment.seeds]
        run_dir.once(folder / "model", lambda: _cook(parts, folder, experiment, splits, progress))  # noqa: B023
        examine(name, seed, lambda: load_model(folder / "model"), splits, run_dir, progress=progress)  # noqa: B023


def _cook(
    parts: list[Path], folder: Path, experiment: Experiment, splits: Splits, progress: Progress
) -> None:
    model = soup([Trained.read(part) for part in parts], progress=progress)
    keeping = Keeping(experiment.reference_size, experiment.ood, experiment.calibration)
    rng = np.random.default_rng(experiment.seeds[0])
    keep_model(model, folder, keeping.of(model, splits.train, splits.valid, rng=rng, progress=progress))
