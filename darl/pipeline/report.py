"""The report on a finished run, from what the run left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from darl.evaluation.calibration_view import Runs
from darl.evaluation.ending import Ending
from darl.evaluation.judged import Judged, judge
from darl.evaluation.outlook import StageOutlook
from darl.evaluation.report import Report, RoundView, build_report
from darl.pipeline.calibrate import load_calibration, told_of
from darl.pipeline.dasa import read_percentiles, read_predictions, read_round
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment
from darl.pipeline.finish import ENDING, read_ending
from darl.pipeline.recipe import Recipe
from darl.pipeline.rounds import OUTLOOK, read_outlook, round_folder, rounds_of
from darl.pipeline.run_dir import RunDir
from darl.pipeline.soup import soups_of
from darl.pipeline.stage import Stage


def report_on(experiment: Experiment, splits: Splits, run_dir: RunDir) -> Report:
    """Put what all recipes said of the test slices side by side."""

    def judged(recipe: str, seed: int, slice_name: str) -> Judged:
        stored = read_predictions(run_dir.predictions(recipe, seed, slice_name))
        return judge(splits.test[slice_name], stored)

    seeds = _seeds(experiment)
    runs = {
        name: {part: [judged(name, seed, part) for seed in seeds[name]] for part in splits.test}
        for name in seeds
    }
    labels = {
        name: {"train": len(splits.train), "selected": _spent(recipe, experiment.seeds, run_dir)}
        for name, recipe in experiment.recipes.items()
    }
    # A soup has learnt what its parts have: their mean is counted, though they may differ in which.
    labels |= {name: labels[recipe] for name, recipe in soups_of(experiment).items()}
    return build_report(
        runs,
        experiment.grades,
        labels,
        experiment.baseline,
        np.random.default_rng(0),
        rounds=_round_views(experiment, run_dir),
        outlooks=_outlooks(experiment, run_dir),
        endings=_endings(experiment, run_dir),
        calibrated=told_in(experiment, runs, splits, run_dir),
        title=experiment.title,
        notes=experiment.notes,
        resamples=experiment.report.resamples,
        level=experiment.report.level,
    )


def _seeds(experiment: Experiment) -> dict[str, tuple[int, ...]]:
    """The models that are reported on, each with the seeds that it has."""
    return dict.fromkeys(experiment.recipes, experiment.seeds) | dict.fromkeys(
        soups_of(experiment), experiment.seeds[:1]
    )


def _endings(experiment: Experiment, run_dir: RunDir) -> list[Ending]:
    """What was decided after the last stages, with every seed; recipes that are alike share it."""
    return [
        read_ending(run_dir.end(recipe, seed) / ENDING)._replace(model=name, seed=seed)
        for name, recipe in experiment.recipes.items()
        for seed in experiment.seeds
        if recipe.ends
    ]


def told_in(
    experiment: Experiment, runs: Runs, splits: Splits, run_dir: RunDir, *, new_traffic: bool = True
) -> Runs:
    """What recipes' models tell of the test slices, of recipes whose models are calibrated with every seed.

    Args:
        experiment: Whose run it was.
        runs: What the models of some or all recipes say.
        splits: Its pairs.
        run_dir: Where it was run.
        new_traffic: Whether pairs that look new are graded by cuts of their own, where a model has such.
    """
    told = {}
    for name, seeds in _seeds(experiment).items():
        if name not in runs:
            continue
        kept = [load_calibration(run_dir.recipe(name, seed) / "model") for seed in seeds]
        found = [one if new_traffic else one.without_traffic() for one in kept if one is not None]
        if len(found) == len(kept):
            told[name] = {
                part: [
                    told_of(run, graded, one, read_percentiles(run_dir.predictions(name, seed, part)))
                    for seed, run, one in zip(seeds, runs[name][part], found, strict=True)
                ]
                for part, graded in splits.test.items()
            }
    return told


def _selections(recipe: Recipe, seed: int, run_dir: RunDir) -> Iterator[tuple[Stage, int, Path]]:
    """Every round that was made: its stage, its number among several (0: the only one), and its folder."""
    for number, stage in enumerate(recipe.stages, start=1):
        folder = run_dir.stage(recipe, seed, number)
        if stage.rounds == 1:
            yield stage, 0, folder / "round"
        elif stage.rounds > 1:
            for round_ in range(1, rounds_of(folder, stage) + 1):
                yield stage, round_, round_folder(folder, round_) / "round"


def _spent(recipe: Recipe, seeds: tuple[int, ...], run_dir: RunDir) -> int:
    """Labels that a recipe's rounds spent, the mean over seeds: a seed's rounds may have ended early."""
    spent = [
        sum(len(read_round(folder).grades) for _, _, folder in _selections(recipe, seed, run_dir))
        for seed in seeds
    ]
    return round(float(np.mean(spent)))


def _round_views(experiment: Experiment, run_dir: RunDir) -> list[RoundView]:
    """What the rounds of the first seed saw and chose."""
    views = []
    for name, recipe in experiment.recipes.items():
        for stage, round_, folder in _selections(recipe, experiment.seeds[0], run_dir):
            how = stage.round
            if how is not None:
                detector, strategy = how.detector.name, how.strategy.name
                found = read_round(folder)
                views.append(RoundView(name, stage.name, detector, strategy, *found, round=round_))
    return views


def _outlooks(experiment: Experiment, run_dir: RunDir) -> list[StageOutlook]:
    """Where the stages of several rounds ended, with every seed."""
    found = []
    for name, recipe in experiment.recipes.items():
        for number, stage in enumerate(recipe.stages, start=1):
            for seed in experiment.seeds if stage.rounds > 1 else ():
                folder = run_dir.stage(recipe, seed, number)
                last = round_folder(folder, rounds_of(folder, stage)) / OUTLOOK
                found.append(StageOutlook(name, stage.name, seed, read_outlook(last)))
    return found
