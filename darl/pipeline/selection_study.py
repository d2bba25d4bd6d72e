"""Which selection strategy makes the most of a budget of labels: measured on an experiment's own slices.

A recipe that selects is taken for a pattern: it is run with every strategy and every budget, from the same
first stages, beside no labels at all and, if asked for, the whole pool labelled. Every strategy is compared
with random selection of the same budget and of twice that, pair by pair, on each test slice and on all but
the first as one, at each budget and in the mean over budgets (the area under the learning curve). Intervals
are over queries and seeds, since a seed draws other labels.

    OUT/EXPERIMENT/            the run (see run_dir.py)
    OUT/rows.jsonl             the findings

What is there is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darl.catalogue import Component
from darl.errors import ConfigError
from darl.evaluation.bootstrap import SliceEstimates, estimate_slice
from darl.evaluation.estimate import Estimate, mean_of
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.report import Report
from darl.models.prompt import template_fields
from darl.pipeline.dasa import LABELS, read_round
from darl.pipeline.experiment import Experiment
from darl.pipeline.first_stages import FirstStages
from darl.pipeline.recipe import Recipe
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.selection_rows import NONE, POOL, RIVAL, Gain, labels_for
from darl.pipeline.stage import Stage
from darl.pipeline.study import (
    OOD,
    calibration_of_rivals,
    check_labels,
    judged_on,
    keep_rows,
    parse_labelled,
    pooled_faults,
)
from darl.pipeline.work import Part
from darl.progress import SILENT, Progress
from darl.selection.catalogue import STRATEGIES

RANDOM = Component(name="random")
RESAMPLES, LEVEL = 1000, 0.95


def study_selection(
    experiments: Mapping[str, Experiment],
    out: Path,
    *,
    strategies: Mapping[str, Component],
    budgets: Sequence[int],
    ceiling: bool = False,
    resume: bool = False,
    progress: Progress = SILENT,
) -> list[Gain]:
    """Run every strategy with every budget, and compare.

    Args:
        experiments: By name; of each the last recipe that selects is the pattern.
        out: Folder for everything that is made.
        strategies: By a label of letters, digits, - and _. `random` is always among them.
        budgets: Labels to spend; each is a run of its own, not a continuation of the smaller one.
        ceiling: Also label the whole pool.
        resume: Go on in a folder that is begun.
        progress: Told how far it is.

    Raises:
        ConfigError: An experiment has no recipe that selects just once, or settings do not fit.
        DarlError: An experiment does not fit its data, or `out` holds another study.
    """
    tried = {RIVAL: RANDOM, **strategies}
    expanded = {
        name: expand(experiment, tried, sorted(set(budgets)), ceiling)
        for name, experiment in experiments.items()
    }
    found: list[Gain] = []
    first = FirstStages()
    for place, (name, experiment) in enumerate(expanded.items()):
        run_dir = RunDir.open(out / name, experiment, resume=resume)
        first.lend(experiment, run_dir)
        report = run(experiment, run_dir, progress=Part(progress, place, len(expanded)))
        found += _Study(name, experiment, run_dir, report).gains()
    keep_rows(found, out)
    return found


def parse_strategies(typed: Mapping[str, Mapping[str, Any]]) -> dict[str, Component]:
    """Strategies by label from what is typed.

    Raises:
        ConfigError: With every fault found.
    """
    return parse_labelled("strategy", STRATEGIES, typed, RANDOM)


def expand(
    experiment: Experiment, strategies: Mapping[str, Component], budgets: Sequence[int], ceiling: bool
) -> Experiment:
    """An experiment with a recipe `LABEL-BUDGET` for each strategy and budget, and `none` before all.

    Raises:
        ConfigError: It has no recipe that selects just once, or a label is no name or stands for another.
    """
    if faults := pooled_faults(experiment.data.test):
        raise ConfigError("study", faults)
    patterns = [recipe for recipe in experiment.recipes.values() if recipe.rounds == 1]
    if not patterns:
        raise ConfigError(
            "study", [f"{experiment.title}: expected a recipe with one round, to put strategies in"]
        )
    check_labels("strategy", strategies, taken=(NONE, POOL))
    pattern = patterns[-1]
    first = next(i for i, stage in enumerate(pattern.stages) if stage.round)
    if not first:
        raise ConfigError("study", [f"{experiment.title}: expected a stage before the one that selects"])
    recipes = {NONE: Recipe(objective=pattern.objective, stages=pattern.stages[:first])}
    for budget in budgets:
        recipes |= {
            f"{label}-{budget}": _with_round(pattern, one, budget) for label, one in strategies.items()
        }
    if ceiling:
        fields = template_fields(experiment.model.prompt)
        # Any strategy takes the whole pool.
        size = len(experiment.data.load(experiment.grades, fields).pool)
        recipes[POOL] = _with_round(pattern, RANDOM, size)
    report = experiment.report.model_copy(update={"baseline": NONE})
    changes = {"recipes": recipes, "report": report, "reference_size": 0}
    return experiment.model_copy(update=changes | calibration_of_rivals(experiment))


def _with_round(pattern: Recipe, strategy: Component, budget: int) -> Recipe:
    def changed(stage: Stage) -> Stage:
        if stage.round is None:
            return stage
        round_ = stage.round.model_copy(update={"strategy": strategy, "budget": budget})
        return stage.model_copy(update={"round": round_})

    return Recipe(objective=pattern.objective, stages=tuple(map(changed, pattern.stages)))


class _Study:
    """The gains of one experiment."""

    def __init__(self, name: str, experiment: Experiment, run_dir: RunDir, report: Report) -> None:
        self.name, self.experiment, self.run_dir, self.report = name, experiment, run_dir, report
        self.recipes = {key: _label_and_budget(key, one) for key, one in experiment.recipes.items()}

    def gains(self) -> Iterator[Gain]:
        """A gain for each slice, metric and recipe."""
        metrics = metrics_for(self.experiment.grades)
        chosen = {key: self._chosen(key) for key in self.recipes}
        for slice_name, parts in self._slices().items():
            runs = {key: judged_on(self.report, key, parts) for key in self.recipes}
            rng = np.random.default_rng(0)
            estimates = estimate_slice(
                runs, self.experiment.grades, list(metrics.values()), rng, RESAMPLES, over_seeds=True
            )
            for metric in metrics:
                if estimates[NONE][metric].value is not None:
                    yield from self._of_metric(slice_name, metrics[metric], estimates, chosen)

    def _slices(self) -> dict[str, list[str]]:
        """The test slices, and all but the first, which is in distribution, as one."""
        own = list(self.report.slices)
        return {name: [name] for name in own} | ({OOD: own[1:]} if len(own) > 2 else {})

    def _of_metric(
        self,
        slice_name: str,
        metric: Metric,
        estimates: SliceEstimates,
        chosen: Mapping[str, tuple[float, tuple[float, ...]]],
    ) -> Iterator[Gain]:
        at = {self.recipes[key]: estimates[key][metric.name] for key in self.recipes}
        told = {self.recipes[key]: one for key, one in chosen.items()}
        curve = sorted((budget, _value(one)) for (label, budget), one in at.items() if label in (NONE, RIVAL))
        budgets, values = [budget for budget, _ in curve], [value for _, value in curve]
        tried = dict.fromkeys(label for label, _ in at if label not in (NONE, POOL))
        lines = [(label, [budget]) for label, budget in at]
        if len(budgets) > 2:  # no labels, and more than one budget
            lines += [(label, budgets[1:]) for label in tried]
        for label, over in lines:
            own = mean_of([at[label, budget] for budget in over])
            less, half = None, None
            if label in tried and label != RIVAL:
                less = own.minus(mean_of([at[RIVAL, budget] for budget in over]))
                doubled = [
                    at[label, budget].minus(at[RIVAL, 2 * budget])
                    for budget in over
                    if (RIVAL, 2 * budget) in at
                ]
                half = mean_of(doubled) if doubled else None
            reach = metric.larger_is_better and len(over) == 1
            yield Gain(
                self.name,
                slice_name,
                metric.name,
                label,
                over[0] if len(over) == 1 else None,
                _value(own),
                *own.interval(LEVEL)[:2],
                own.by_seed,
                *_difference(less),
                *_difference(half),
                labels_for(_value(own), budgets, values) if reach else None,
                float(np.mean([told[label, budget][0] for budget in over])),
                tuple(np.mean([told[label, budget][1] for budget in over], axis=0).tolist()),
            )

    def _chosen(self, key: str) -> tuple[float, tuple[float, ...]]:
        """Queries, and pairs of each grade, among what a recipe chose; means over seeds."""
        recipe, n_grades = self.experiment.recipes[key], len(self.experiment.grades)
        rounds = [i for i, stage in enumerate(recipe.stages, start=1) if stage.round]
        if not rounds:
            return 0.0, (0.0,) * n_grades
        folders = [self.run_dir.stage(recipe, seed, rounds[0]) / "round" for seed in self.experiment.seeds]
        queries = [_count_queries(folder / LABELS) for folder in folders]
        grades = [np.bincount(read_round(folder).grades, minlength=n_grades) for folder in folders]
        return float(np.mean(queries)), tuple(np.mean(grades, axis=0).tolist())


def _label_and_budget(key: str, recipe: Recipe) -> tuple[str, int]:
    label = key if key in (NONE, POOL) else key.rpartition("-")[0]
    return label, recipe.budget


def _count_queries(labels: Path) -> int:
    lines = labels.read_text(encoding="utf-8").splitlines()
    return len({json.loads(line)["query_id"] for line in lines})


def _difference(estimate: Estimate | None) -> tuple[float | None, float | None, float | None]:
    """A difference and the ends of its interval."""
    if estimate is None:
        return None, None, None
    return (estimate.value, *estimate.interval(LEVEL)[:2])


def _value(estimate: Estimate) -> float:
    # A slice defines a metric for all models or for none.
    return float("nan") if estimate.value is None else estimate.value
