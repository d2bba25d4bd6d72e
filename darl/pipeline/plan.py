"""How much work a run has before it, so that it can say how long it will take."""

from __future__ import annotations

from pathlib import Path

from darl.models.base import TUNED
from darl.pipeline.dasa import FOUND
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment, Recipe
from darl.pipeline.run_dir import RunDir
from darl.pipeline.stage import Stage
from darl.pipeline.work import COST, TRAINING


def planned_work(experiment: Experiment, splits: Splits, run_dir: RunDir) -> float:
    """Work that is not done yet, in pairs predicted."""
    work = 0.0
    for seed in experiment.seeds:
        counted: set[Path] = set()
        for name, recipe in experiment.recipes.items():
            for number, stage in enumerate(recipe.stages, start=1):
                folder = run_dir.stage(recipe, seed, number)
                if folder not in counted:
                    work += _stage_work(stage, recipe, number, splits, folder)
                counted.add(folder)
            work += sum(
                len(graded)
                for slice_name, graded in splits.test.items()
                if not run_dir.predictions(name, seed, slice_name).exists()
            )
            work += _reference_work(experiment, splits, folder)
    return work


def _stage_work(stage: Stage, recipe: Recipe, number: int, splits: Splits, folder: Path) -> float:
    work = 0.0
    before = [one.round.budget for one in recipe.stages[: number - 1] if one.round]
    if stage.round and not (folder / "round" / FOUND).exists():
        view = stage.round.features
        # Single texts are few beside pairs, and are not counted.
        passes = 2 if view.text == "pair" and view != TUNED else 1
        work += passes * (len(splits.train) + len(splits.valid) + len(splits.pool))
    if not (folder / "model").exists():
        budget = sum(before) + (stage.round.budget if stage.round else 0)
        main = {"train": len(splits.train), "selected": budget, "both": len(splits.train) + budget}[
            stage.examples
        ]
        work += COST[TRAINING] * stage.epochs * main / (1 - stage.replay)
    return work


def _reference_work(experiment: Experiment, splits: Splits, folder: Path) -> float:
    if (folder / "model").exists():
        return 0.0
    return 2.0 * sum(min(len(part), experiment.reference_size) for part in (splits.train, splits.valid))
