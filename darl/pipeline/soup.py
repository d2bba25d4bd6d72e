"""The mean of a recipe's final models over its seeds, as a model of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from darl.data.pool import Pool
from darl.data.readers import read_graded_pairs
from darl.models.checkpoint import load_model
from darl.models.interpolate import soup
from darl.models.prompt import template_fields
from darl.models.trained import Trained
from darl.pairs import Pair
from darl.pipeline.data import Splits
from darl.pipeline.exam import examine
from darl.pipeline.experiment import Experiment
from darl.pipeline.kept import Keeping
from darl.pipeline.run_dir import RunDir
from darl.pipeline.start import STORE, keep_labels, what_is_graded
from darl.pipeline.train import keep_model
from darl.progress import SILENT, Progress


def soups_of(experiment: Experiment) -> Mapping[str, str]:
    """The soups that an experiment reports on: their names, and whose seeds they are the mean of."""
    return {f"{name}-soup": name for name, recipe in experiment.recipes.items() if recipe.soup}


def cook_soups(experiment: Experiment, splits: Splits, run_dir: RunDir, progress: Progress = SILENT) -> None:
    """Make every soup, and predict the test slices with it; it stands under the first seed.

    Its labels, for calibration, detector and the next run, are those of all seeds.
    """
    seed = experiment.seeds[0]
    for name, recipe in soups_of(experiment).items():
        folder = run_dir.recipe(name, seed)
        seeds = [run_dir.recipe(recipe, one) for one in experiment.seeds]
        pool = graded_by_any(splits.pool, [one / STORE for one in seeds], experiment)
        run_dir.once(
            folder / "model",
            lambda: _cook([one / "model" for one in seeds], folder, experiment, splits, pool, progress),  # noqa: B023
        )
        run_dir.once(folder / STORE, lambda: keep_labels(experiment, pool.graded, folder / STORE))  # noqa: B023
        examine(name, seed, lambda: load_model(folder / "model"), splits, run_dir, progress=progress)  # noqa: B023


def graded_by_any(pairs: Sequence[Pair], stores: Iterable[Path], experiment: Experiment) -> Pool:
    """The pool with all grades that are in label stores; where they differ, with the first.

    Labels that are of no pair of the pool, as those of earlier runs, are passed over.
    """
    fields, grades = template_fields(experiment.model.prompt), dict[int, int]()
    places = {what_is_graded(pair): place for place, pair in enumerate(pairs)}
    for store in stores:
        labels = read_graded_pairs(store, experiment.grades, item_fields=fields) if store.exists() else []
        for pair, grade in labels:
            if what_is_graded(pair) in places:
                grades.setdefault(places[what_is_graded(pair)], grade)
    return Pool(pairs).with_grades(grades, grades.values())


def _cook(
    parts: list[Path],
    folder: Path,
    experiment: Experiment,
    splits: Splits,
    pool: Pool,
    progress: Progress,
) -> None:
    model = soup([Trained.read(part) for part in parts], progress=progress)
    keeping = Keeping(experiment.reference_size, experiment.ood, experiment.calibration)
    kept = keeping.of(
        model,
        splits.familiar,
        splits.valid,
        labels=(*splits.earlier, *pool.graded),
        rng=np.random.default_rng(experiment.seeds[0]),
        ratings=splits.ratings,
        traffic=pool,
        earlier=splits.earlier,
        progress=progress,
    )
    keep_model(model, folder, kept)
