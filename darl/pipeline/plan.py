"""How much work a run has before it, so that it can say how long it will take."""

from __future__ import annotations

from pathlib import Path

from darl.models.base import TUNED
from darl.pipeline.dasa import FOUND
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment, Recipe
from darl.pipeline.run_dir import RunDir
from darl.pipeline.stage import RoundConfig, Stage
from darl.pipeline.work import COST, TRAINING


def planned_work(experiment: Experiment, splits: Splits, run_dir: RunDir) -> float:
    """Work that is not done yet, in pairs predicted."""
    work = 0.0
    for seed in experiment.seeds:
        counted: set[object] = set()
        for name, recipe in experiment.recipes.items():
            for number, stage in enumerate(recipe.stages, start=1):
                folder = run_dir.stage(recipe, seed, number)
                if folder not in counted:
                    work += _training_work(stage, recipe, number, splits, folder)
                    looked = _what_is_seen(recipe, number, run_dir, seed)
                    if stage.round and looked not in counted and not (folder / "round" / FOUND).exists():
                        work += _looking_work(stage.round, splits)
                        counted.add(looked)
                counted.add(folder)
            work += sum(
                len(graded)
                for slice_name, graded in splits.test.items()
                if not run_dir.predictions(name, seed, slice_name).exists()
            )
            work += _reference_work(experiment, splits, folder)
    return work


def _what_is_seen(recipe: Recipe, number: int, run_dir: RunDir, seed: int) -> object:
    """What a round looks at: the first rounds of rivals that begin alike look at the same."""
    round_ = recipe.stages[number - 1].round
    if round_ is None or number == 1 or any(stage.round for stage in recipe.stages[: number - 1]):
        return run_dir.stage(recipe, seed, number)
    return run_dir.stage(recipe, seed, number - 1), str(round_.features), str(round_.detector)


def _looking_work(round_: RoundConfig, splits: Splits) -> float:
    # Single texts are few beside pairs, and are not counted.
    passes = 2 if round_.features.text == "pair" and round_.features != TUNED else 1
    return float(passes * (len(splits.train) + len(splits.valid) + len(splits.pool)))


def _training_work(stage: Stage, recipe: Recipe, number: int, splits: Splits, folder: Path) -> float:
    if (folder / "model").exists():
        return 0.0
    before = [one.round.budget for one in recipe.stages[: number - 1] if one.round]
    budget = sum(before) + (stage.round.budget if stage.round else 0)
    main = {"train": len(splits.train), "selected": budget, "both": len(splits.train) + budget}[
        stage.examples
    ]
    return COST[TRAINING] * stage.epochs * main / (1 - stage.replay)


def _reference_work(experiment: Experiment, splits: Splits, folder: Path) -> float:
    if (folder / "model").exists():
        return 0.0
    return 2.0 * sum(min(len(part), experiment.reference_size) for part in (splits.train, splits.valid))
