"""The whole of DaRL, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from darl.data.pool import Pool
from darl.evaluation.outlook import Outlook
from darl.evaluation.report import Report
from darl.evaluation.write import write_report
from darl.models.build import build_model, restart_head
from darl.models.checkpoint import Kept, load_model
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import template_fields
from darl.pairs import GradedPair
from darl.pipeline.dasa import (
    FOUND,
    LABELS,
    VALID,
    Seen,
    annotate_round,
    choose_for_round,
    keep_predictions,
    look_at_pool,
    read_round,
)
from darl.pipeline.data import Splits
from darl.pipeline.exam import examine
from darl.pipeline.experiment import Experiment
from darl.pipeline.finish import ENDING, Finish, held_out, parts_of, write_ending
from darl.pipeline.fit import check_fit
from darl.pipeline.kept import Keeping
from darl.pipeline.lesson import lesson_of
from darl.pipeline.plan import planned_work, stage_work
from darl.pipeline.report import report_on
from darl.pipeline.rounds import OUTLOOK, look, read_outlook, round_folder, write_outlook
from darl.pipeline.run_dir import RunDir
from darl.pipeline.shared import Shared
from darl.pipeline.soup import cook_soups
from darl.pipeline.stage import CONTINUE, NEW, RoundConfig, Stage
from darl.pipeline.start import STORE, identity, keep_labels, load_splits
from darl.pipeline.train import keep_model
from darl.pipeline.work import Work
from darl.progress import SILENT, Progress
from darl.training.loop import train_stage
from darl.training.scope import check_scopes


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
    splits = load_splits(experiment, fields, bad_rows=bad_rows, progress=progress)
    check_fit(experiment, splits)
    run_dir.check_data(identity(splits, experiment.start))
    splits = splits.judging_validation() if experiment.report.validation else splits
    work = Work(progress, planned_work(experiment, splits, run_dir))
    shared = Shared.of(experiment, splits, run_dir)
    for seed in experiment.seeds:
        for name in experiment.recipes:
            _Apprentice(experiment, name, seed, splits, run_dir, shared, work).run()
    cook_soups(experiment, splits, run_dir, work)
    report = report_on(experiment, splits, run_dir)
    run_dir.once(run_dir.root / "report.json", lambda: write_report(report, run_dir.root))
    return report


class _Apprentice:
    """One recipe with one seed: stage after stage, and then the test."""

    def __init__(
        self,
        experiment: Experiment,
        name: str,
        seed: int,
        splits: Splits,
        run_dir: RunDir,
        shared: Shared,
        progress: Work,
    ) -> None:
        recipe = experiment.recipes[name]
        self.experiment, self.recipe, self.seed, self.splits = experiment, recipe, seed, splits
        self.name = name
        self.keeping = Keeping(experiment.reference_size, experiment.ood, experiment.calibration)
        self.run_dir, self.shared, self.progress = run_dir, shared, progress
        self.pool = Pool(splits.pool)
        self.started = None if experiment.start is None else Path(experiment.start.model)
        self.at = self.started  # the model folder of the last finished stage
        self.done: dict[str, tuple[Path, Pool]] = {}  # by stage, its model and what was graded by then
        self._model: NeuralRelevanceModel | None = None

    def run(self) -> None:
        for number, stage in enumerate(self.recipe.stages, start=1):
            folder = self.run_dir.stage(self.recipe, self.seed, number)
            if stage.rounds > 1:
                self._rounds(stage, folder, number)
            else:
                self._pass(stage, folder, (number,))
            self.at = folder / "model"
            self.done[stage.name] = self.at, self.pool
        self._finish(self.run_dir.end(self.recipe, self.seed))
        self._test()

    def _pass(self, stage: Stage, folder: Path, place: tuple[int, ...]) -> None:
        """Select if the stage does, and train; `place` says where in the recipe this is."""
        if stage.round is not None:
            self._round(stage.round, folder / "round", place)
        if not (folder / "model").exists():
            self._train(stage, folder, place)
        else:
            self._model = None
        self.at = folder / "model"

    def _rounds(self, stage: Stage, folder: Path, number: int) -> None:
        """Select and train in turns, until another round is not worth it, and keep the last model."""
        pools = [self.pool]
        for round_ in range(1, stage.rounds + 1):
            self._pass(stage, round_folder(folder, round_), (number, round_))
            pools.append(self.pool)
            if self._outlook(stage, folder, number, pools).is_last:
                break
        # With what a final model takes with it, which is not known to be one before its outlook.
        model = folder / "model"
        self.run_dir.once(
            model, lambda: keep_model(self._current(), folder, self._kept(self._current(), folder, self.pool))
        )

    def _outlook(self, stage: Stage, folder: Path, number: int, pools: Sequence[Pool]) -> Outlook:
        """What the rounds have brought; a decision to end them is taken once, and stays."""
        round_ = len(pools) - 1
        here = round_folder(folder, round_)
        valid = [one.pair for one in self.splits.valid]
        self.run_dir.once(
            here / VALID,
            lambda: keep_predictions(self._current().predict(valid, progress=self.progress), here / VALID),
        )
        self.run_dir.once(here / OUTLOOK, lambda: self._look(stage, folder, number, pools))
        return read_outlook(here / OUTLOOK)

    def _look(self, stage: Stage, folder: Path, number: int, pools: Sequence[Pool]) -> None:
        outlook = look(
            folder,
            cast(RoundConfig, stage.round),
            pools,
            self.splits,
            self.experiment.grades,
            seed=(self.seed, number, len(pools) - 1),
            report=self.experiment.report,
        )
        if outlook.stop:
            self.progress.skip(stage_work(stage, self.recipe, number, self.splits, folder))
        write_outlook(outlook, round_folder(folder, outlook.round) / OUTLOOK)
        for line in outlook.lines(f"{self.name}, stage {stage.name}"):
            self.progress.message(line)

    def _round(self, round_: RoundConfig, folder: Path, place: tuple[int, ...]) -> None:
        """Choose what the training set does not cover, and have it graded."""
        rng = np.random.default_rng([self.seed, *place])
        self.run_dir.once(
            folder / FOUND,
            lambda: choose_for_round(self._seen(round_, rng), round_, folder=folder, rng=rng),
        )
        self.run_dir.once(
            folder / LABELS,
            lambda: annotate_round(
                self.pool, round_, self.splits.gold, self.experiment.grades, folder=folder
            ),
        )
        found = read_round(folder)
        self.pool = self.pool.with_grades(self.pool.ungraded[found.selected], found.grades)

    def _seen(self, round_: RoundConfig, rng: np.random.Generator) -> Seen:
        """The pool as the model sees it; rivals that begin alike see it alike, and it is looked at once."""

        def look() -> Seen:
            return look_at_pool(
                self._current(), self.splits, self.pool, round_, rng=rng, progress=self.progress
            )

        if len(self.pool.graded) or self.at is None:
            return look()
        return self.shared.view.of((self.at, round_.features, round_.detector), look)

    def _train(self, stage: Stage, folder: Path, place: tuple[int, ...]) -> None:
        """Fine-tune on what the stage names, and keep the model."""
        if stage.adapter != CONTINUE:
            self._model, self.at = None, None if stage.adapter == NEW else self.done[stage.adapter][0]
        seed = int(np.random.SeedSequence([self.seed, *place]).generate_state(1)[0])
        self.keeping.check(self._current())
        check_scopes(self._current(), self.recipe.stages)
        learnt, scale = self._learnt(self.pool), self.experiment.grades
        lesson = lesson_of(stage, self.splits, learnt, scale, seed=seed, progress=self.progress)
        if stage.head == "new":
            restart_head(self._current())
        model = train_stage(
            self._current(),
            *lesson,
            stage,
            seed=seed,
            folder=folder,
            ratings=self.splits.ratings,
            in_dist=self.splits.train,
            name=", ".join([self.name, f"stage {stage.name}", *(f"round {round_}" for round_ in place[1:])]),
            progress=self.progress,
        )
        self.run_dir.once(
            folder / "model", lambda: keep_model(model, folder, self._kept(model, folder, self.pool))
        )

    def _current(self) -> NeuralRelevanceModel:
        """The model so far: in memory, from the last stage's folder, or fresh."""
        if self._model is not None:
            return self._model
        if self.at is not None:
            model = load_model(self.at, progress=self.progress)
        else:
            config = self.experiment.model_config_of(self.recipe)
            model = build_model(config, self.experiment.grades, seed=self.seed, progress=self.progress)
        self._model = self.shared.lend(model, self.progress)
        return self._model

    def _kept(self, model: NeuralRelevanceModel, folder: Path, learnt: Pool) -> Mapping[str, Kept]:
        """What `darl select` and `darl predict` need, for models that a recipe ends in.

        Of the labels that were bought in all, which say how new traffic is graded, it learnt `learnt`.
        """
        recipes = self.experiment.recipes.values()
        if folder not in [self.run_dir.end(recipe, self.seed) for recipe in recipes]:
            return {}
        return self.keeping.of(
            model,
            self.splits.familiar,
            self.splits.valid,
            labels=(*self.splits.earlier, *self._learnt(learnt)),
            rng=np.random.default_rng(self.seed),
            ratings=self.splits.ratings,
            traffic=self.pool,
            earlier=self.splits.earlier,
            progress=self.progress,
        )

    def _learnt(self, pool: Pool) -> tuple[GradedPair, ...]:
        """What was selected and may be trained on."""
        held = set(self._held_out(pool))
        return tuple(one for one in pool.graded if one not in held)

    def _held_out(self, pool: Pool) -> tuple[GradedPair, ...]:
        return held_out(pool.graded, self.splits.train, self.recipe.hold_out, self.seed)

    def _finish(self, folder: Path) -> None:
        """Interpolate and ask the gate, where the recipe says so; the labels go on to the next run."""
        if self.recipe.ends:
            self.run_dir.once(folder / "model", lambda: self._decide(folder))
            self.at, self._model = folder / "model", None
        store = self.run_dir.recipe(self.name, self.seed) / STORE
        self.run_dir.once(store, lambda: keep_labels(self.experiment, self.pool.graded, store))

    def _decide(self, folder: Path) -> None:
        finish = Finish.of(
            self.experiment,
            self.recipe,
            {name: model for name, (model, _) in self.done.items()},
            parts_of(self.splits, self._held_out(self.pool)),
            seed=self.seed,
            train=self.splits.train,
            progress=self.progress,
        )
        model, ending = finish.decide(self.name, self.recipe.interpolate, self.recipe.gate)
        for line in ending.lines():
            self.progress.message(line)
        write_ending(ending, folder / ENDING)
        # The detector kept with the current model is fitted on what that one has learnt from.
        learnt = self.done.get(ending.over, (folder, Pool(())))[1] if ending.refused else self.pool
        keep_model(model, folder, self._kept(model, folder, learnt))

    def _test(self) -> None:
        """Predict every test slice with the final model."""
        self.run_dir.link(self.run_dir.recipe(self.name, self.seed) / "model", self.at or Path())
        load = self._current
        examine(self.name, self.seed, load, self.splits, self.run_dir, progress=self.progress)
        self._model = None
