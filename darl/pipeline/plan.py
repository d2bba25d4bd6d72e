"""How much work a run has before it, so that it can say how long it will take."""

from __future__ import annotations

from pathlib import Path

from darl.pipeline.dasa import FOUND, VALID
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment
from darl.pipeline.kept import Keeping
from darl.pipeline.recipe import Recipe
from darl.pipeline.rounds import round_folder, rounds_of
from darl.pipeline.run_dir import RunDir
from darl.pipeline.soup import soups_of
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
                    work += stage_work(stage, recipe, number, splits, folder)
                    if stage.round and not _first_round(folder, stage).exists():
                        looked = _what_is_seen(recipe, number, run_dir, seed)
                        work -= _looking_work(stage.round, splits) if looked in counted else 0.0
                        counted.add(looked)
                counted.add(folder)
            work += sum(
                len(graded)
                for slice_name, graded in splits.test.items()
                if not run_dir.predictions(name, seed, slice_name).exists()
            )
            end = run_dir.end(recipe, seed)
            if not (end / "model").exists():
                work += _end_work(recipe, experiment.start is not None, splits)
            work += _kept_work(experiment, splits, end)
    return work + sum(_soup_work(experiment, splits, run_dir, name) for name in soups_of(experiment))


def _end_work(recipe: Recipe, started: bool, splits: Splits) -> float:
    """Judging the points of a line, and what the gate compares; of held-out labels nothing is known yet."""
    line, over = recipe.interpolate, recipe.compared_with(started)
    models = len(line.alphas) if line else int(bool(over))
    if over and not (line and 0.0 in line.alphas and recipe.before(line.first, started) == over):
        models += 1
    return float(models * sum(map(len, (splits.valid, *splits.valid_ood.values()))))


def _soup_work(experiment: Experiment, splits: Splits, run_dir: RunDir, name: str) -> float:
    seed = experiment.seeds[0]
    left = [part for part in splits.test if not run_dir.predictions(name, seed, part).exists()]
    return _kept_work(experiment, splits, run_dir.recipe(name, seed)) + sum(
        len(splits.test[part]) for part in left
    )


def _first_round(folder: Path, stage: Stage) -> Path:
    return (folder if stage.rounds == 1 else round_folder(folder, 1)) / "round" / FOUND


def _what_is_seen(recipe: Recipe, number: int, run_dir: RunDir, seed: int) -> object:
    """What a first round looks at: those of rivals that begin alike look at the same, once."""
    round_ = recipe.stages[number - 1].round
    if round_ is None or number == 1 or any(stage.round for stage in recipe.stages[: number - 1]):
        return run_dir.stage(recipe, seed, number), "round"
    return run_dir.stage(recipe, seed, number - 1), str(round_.features), str(round_.detector)


def _looking_work(round_: RoundConfig, splits: Splits) -> float:
    return float(round_.features.passes * (len(splits.train) + len(splits.valid) + len(splits.pool)))


def stage_work(stage: Stage, recipe: Recipe, number: int, splits: Splits, folder: Path) -> float:
    """Work of a stage that is not done yet, all its rounds counted that its rule has not ended."""
    spent = sum(one.round.labels for one in recipe.stages[: number - 1] if one.round)
    if stage.round is None or stage.rounds == 1:
        return _pass_work(stage, spent, splits, folder)
    work = 0.0
    for round_ in range(1, rounds_of(folder, stage) + 1):
        here = round_folder(folder, round_)
        work += _pass_work(stage, spent + (round_ - 1) * stage.round.budget, splits, here)
        work += 0.0 if (here / VALID).exists() else len(splits.valid)
    return work


def _pass_work(stage: Stage, spent: int, splits: Splits, folder: Path) -> float:
    """Work of selecting once, if the stage does, and training; `spent` labels were selected before."""
    work = 0.0
    if stage.round and not (folder / "round" / FOUND).exists():
        work += _looking_work(stage.round, splits)
    if not (folder / "model").exists():
        budget = spent + (stage.round.budget if stage.round else 0)
        train, warm = len(splits.train), stage.warm.learnt if stage.warm else 0
        main = {"train": train, "selected": budget, "both": train + budget, "warm": warm}[stage.examples]
        work += COST[TRAINING] * stage.epochs * main / (1 - stage.replay)
    return work


def _kept_work(experiment: Experiment, splits: Splits, folder: Path) -> float:
    if (folder / "model").exists():
        return 0.0
    keeping = Keeping(experiment.reference_size, experiment.ood, experiment.calibration)
    calibrating = keeping.calibration_work(len(splits.valid), len(splits.pool))
    return calibrating + sum(keeping.work(len(part)) for part in (splits.train, splits.valid))
