"""The whole of DaRL, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from darl.data.pool import Pool
from darl.errors import ConfigError
from darl.evaluation.judged import Judged, judge
from darl.evaluation.report import Report, RoundView, build_report
from darl.evaluation.write import write_report
from darl.files import whole_file
from darl.models.build import build_model
from darl.models.checkpoint import load_model
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import template_fields
from darl.models.reference import Reference, take_reference
from darl.pairs import GradedPair
from darl.pipeline.dasa import (
    FOUND,
    LABELS,
    annotate_round,
    candidates_for_round,
    choose_for_round,
    read_round,
)
from darl.pipeline.data import Splits
from darl.pipeline.experiment import Experiment
from darl.pipeline.plan import planned_work
from darl.pipeline.run_dir import RunDir
from darl.pipeline.stage import RoundConfig, Stage
from darl.pipeline.train import keep_model
from darl.pipeline.work import Work
from darl.predictions import Candidates, Predictions
from darl.progress import SILENT, Progress
from darl.training.loop import train_stage


def run(
    experiment: Experiment, run_dir: RunDir, *, bad_rows: Path | None = None, progress: Progress = SILENT
) -> Report:
    """Train every recipe with every seed, and report on all of them.

    What an earlier, interrupted run left in `run_dir` is not made again; the end is the same.

    Args:
        experiment: What to do.
        run_dir: Where everything is kept.
        bad_rows: A folder in which rows that are wrong are set aside; None stops at them.
        progress: Told how far it is.

    Raises:
        AnnotationPending: People have to grade a file; go on with the same call afterwards.
        DarlError: Data, weights or settings that do not fit, as the message says.
    """
    fields = template_fields(experiment.model.prompt)
    splits = experiment.data.load(experiment.grades, fields, bad_rows=bad_rows, progress=progress)
    _check(experiment, splits)
    run_dir.check_data(splits.digest)
    work, view = Work(progress, planned_work(experiment, splits, run_dir)), _LastView()
    for seed in experiment.seeds:
        for name in experiment.recipes:
            _Apprentice(experiment, name, seed, splits, run_dir, view, work).run()
    report = _report(experiment, splits, run_dir)
    run_dir.once(run_dir.root / "report.json", lambda: write_report(report, run_dir.root))
    return report


def _check(experiment: Experiment, splits: Splits) -> None:
    """Tell what the data have against the recipes now, not when stages have been trained."""
    faults = [
        f"recipe {name}: its rounds spend {recipe.budget} labels, and the pool has {len(splits.pool)} pairs"
        for name, recipe in experiment.recipes.items()
        if recipe.budget > len(splits.pool)
    ]
    unknown = sum(pair not in splits.gold for pair in splits.pool)
    if unknown and experiment.asks_oracle:
        faults.append(f"data.pool: {unknown} pairs have no grade, which annotator oracle needs of every pair")
    if faults:
        raise ConfigError("experiment", faults)


class _LastView:
    """What a round saw, until another round sees something else: memory holds one pool more."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Candidates] = {}

    def of(self, key: Hashable, look: Callable[[], Candidates]) -> Candidates:
        """What was seen under that key, or what is seen now."""
        if key not in self._kept:
            self._kept = {key: look()}
        return self._kept[key]


class _Apprentice:
    """One recipe with one seed: stage after stage, and then the test."""

    def __init__(
        self,
        experiment: Experiment,
        name: str,
        seed: int,
        splits: Splits,
        run_dir: RunDir,
        view: _LastView,
        progress: Progress,
    ) -> None:
        recipe = experiment.recipes[name]
        self.experiment, self.recipe, self.seed, self.splits = experiment, recipe, seed, splits
        self.name = name
        self.run_dir, self.view, self.progress = run_dir, view, progress
        self.pool = Pool(splits.pool)
        self.at: Path | None = None  # the model folder of the last finished stage
        self._model: NeuralRelevanceModel | None = None

    def run(self) -> None:
        for number, stage in enumerate(self.recipe.stages, start=1):
            folder = self.run_dir.stage(self.recipe, self.seed, number)
            if stage.round is not None:
                self._round(stage.round, folder / "round", number)
            if not (folder / "model").exists():
                self._train(stage, folder, number)
            else:
                self._model = None
            self.at = folder / "model"
        self._test(folder / "model")

    def _round(self, round_: RoundConfig, folder: Path, number: int) -> None:
        """Choose what the training set does not cover, and have it graded."""
        rng = np.random.default_rng([self.seed, number])
        self.run_dir.once(
            folder / FOUND,
            lambda: choose_for_round(self._candidates(round_, rng), round_, folder=folder, rng=rng),
        )
        self.run_dir.once(
            folder / LABELS,
            lambda: annotate_round(
                self.pool, round_, self.splits.gold, self.experiment.grades, folder=folder
            ),
        )
        found = read_round(folder)
        self.pool = self.pool.with_grades(self.pool.ungraded[found.selected], found.grades)

    def _candidates(self, round_: RoundConfig, rng: np.random.Generator) -> Candidates:
        """The pool as the model sees it; rivals that begin alike see it alike, and it is looked at once."""

        def look() -> Candidates:
            return candidates_for_round(
                self._current(), self.splits, self.pool, round_, rng=rng, progress=self.progress
            )

        if len(self.pool.graded) or self.at is None:
            return look()
        return self.view.of((self.at, round_.features, round_.detector), look)

    def _train(self, stage: Stage, folder: Path, number: int) -> None:
        """Fine-tune on what the stage names, and keep the model."""
        if stage.adapter == "new":
            self._model, self.at = None, None
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        examples = stage.choose(self.splits.train, self.pool.graded)
        model = train_stage(
            self._current(),
            examples,
            self.splits.valid,
            stage,
            seed=seed,
            folder=folder,
            name=f"{self.name}, stage {stage.name}",
            progress=self.progress,
        )
        self.run_dir.once(folder / "model", lambda: keep_model(model, folder, self._reference(model, folder)))

    def _current(self) -> NeuralRelevanceModel:
        """The model so far: in memory, from the last stage's folder, or fresh."""
        if self._model is None and self.at is not None:
            self._model = load_model(self.at, progress=self.progress)
        elif self._model is None:
            config = self.experiment.model_config_of(self.recipe)
            self._model = build_model(config, self.experiment.grades, seed=self.seed, progress=self.progress)
        return self._model

    def _reference(self, model: NeuralRelevanceModel, folder: Path) -> Reference | None:
        """What `darl select` needs, for models that a recipe ends in."""
        recipes = self.experiment.recipes.values()
        ends = [self.run_dir.stage(recipe, self.seed, len(recipe.stages)) for recipe in recipes]
        if not self.experiment.reference_size or folder not in ends:
            return None
        return take_reference(
            model,
            self.splits.train + self.pool.graded,
            self.splits.valid,
            size=self.experiment.reference_size,
            rng=np.random.default_rng(self.seed),
            progress=self.progress,
        )

    def _test(self, model: Path) -> None:
        """Predict every test slice with the final model."""
        self.run_dir.link(self.run_dir.recipe(self.name, self.seed) / "model", model)
        for name, graded in self.splits.test.items():
            path = self.run_dir.predictions(self.name, self.seed, name)
            self.run_dir.once(path, partial(self._predict, graded, path))
        self._model = None

    def _predict(self, graded: Sequence[GradedPair], path: Path) -> None:
        predictions = self._current().predict([one.pair for one in graded], progress=self.progress)
        _keep(predictions, path)


def _keep(predictions: Predictions, path: Path) -> None:
    # Features are many, and a report reads none.
    bare = Predictions(predictions.logits, predictions.grade_probs, predictions.features[:, :0])
    with whole_file(path) as temporary:
        save_file(bare.arrays(), temporary)


def _report(experiment: Experiment, splits: Splits, run_dir: RunDir) -> Report:
    """Put what all recipes said of the test slices side by side."""

    def judged(recipe: str, seed: int, slice_name: str) -> Judged:
        stored = load_file(run_dir.predictions(recipe, seed, slice_name))
        return judge(splits.test[slice_name], Predictions.from_arrays(stored))

    runs = {
        name: {part: [judged(name, seed, part) for seed in experiment.seeds] for part in splits.test}
        for name in experiment.recipes
    }
    labels = {
        name: {"train": len(splits.train), "selected": recipe.budget}
        for name, recipe in experiment.recipes.items()
    }
    return build_report(
        runs,
        experiment.grades,
        labels,
        experiment.baseline,
        np.random.default_rng(0),
        rounds=_round_views(experiment, run_dir),
        title=experiment.title,
        notes=experiment.notes,
        resamples=experiment.report.resamples,
        level=experiment.report.level,
    )


def _round_views(experiment: Experiment, run_dir: RunDir) -> list[RoundView]:
    """What the rounds of the first seed saw and chose."""
    views = []
    for name, recipe in experiment.recipes.items():
        for number, stage in enumerate(recipe.stages, start=1):
            if stage.round is not None:
                found = read_round(run_dir.stage(recipe, experiment.seeds[0], number) / "round")
                detector, strategy = stage.round.detector.name, stage.round.strategy.name
                views.append(RoundView(name, stage.name, detector, strategy, *found))
    return views
