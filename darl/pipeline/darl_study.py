"""Whether DaRL works: the recipe beside simple rivals with as many labels, and without each of its parts.

From one recipe of an experiment all rivals are made (see darl_recipes.py) and trained with every seed on the
same pairs. They are compared pair by pair with plain fine-tuning, with random labels learnt at once, and with
the recipe itself.

    OUT/EXPERIMENT/        the run (see run_dir.py)
    OUT/rows.jsonl         the findings
    OUT/study.md, *.svg    a page of them: tables, plots, and what they say of the claims

What is there is not made again. A first stage that several rivals have is trained once with each seed, also
where experiments differ in their pools alone; a rival that is the same as another is run once for both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from darl.errors import ConfigError
from darl.evaluation.report import Report
from darl.evaluation.rows import IN_DIST
from darl.models.prompt import template_fields
from darl.pipeline.darl_page import Studied, write_page
from darl.pipeline.darl_recipes import (
    CUT_ALIKE,
    DARL,
    RIVALS,
    in_turn,
    recipe_faults,
    rivals_of,
    same_as,
)
from darl.pipeline.darl_rows import results
from darl.pipeline.experiment import Experiment
from darl.pipeline.first_stages import FirstStages
from darl.pipeline.recipe import Recipe
from darl.pipeline.report import told_in
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.study import calibration_of_rivals, keep_rows, pooled_faults
from darl.pipeline.work import Part
from darl.progress import SILENT, Progress

PAGE = "study.md"


class Trial(NamedTuple):
    """An experiment of the study before it is run.

    Attributes:
        experiment: With a recipe for each rival, but for those that are the same as another.
        run_as: By the label of each rival, the recipe that it is run as.
        recipe: What the rivals were made from.
    """

    experiment: Experiment
    run_as: Mapping[str, str]
    recipe: Recipe


def study_darl(
    experiments: Mapping[str, Experiment],
    out: Path,
    *,
    recipe: str = DARL,
    only: Collection[str] = (),
    page: Path | None = None,
    command: str = "",
    resume: bool = False,
    progress: Progress = SILENT,
) -> list[Studied]:
    """Run all rivals, compare, and write the page; both grow experiment by experiment.

    Args:
        experiments: By name; of each one recipe is used.
        out: Folder for everything that is made.
        recipe: Name of the recipe that the rivals are made from.
        only: Labels of the rivals to run; others can be added later. Empty = all.
        page: Where the page goes, its plots beside it; None = `out`/study.md.
        command: How the study was asked for, for the page; "" leaves that out.
        resume: Go on in a folder that is begun.
        progress: Told how far it is.

    Raises:
        ConfigError: With everything that experiments and their recipes lack, or `out` holds another study.
        DarlError: An experiment does not fit its data.
    """
    trials = expand_all(experiments, recipe, only)
    studied: list[Studied] = []
    first = FirstStages()
    for place, (name, trial) in enumerate(trials.items()):
        part = Part(progress, place, len(trials))
        asked = {label: as_ for label, as_ in trial.run_as.items() if not only or label in only}
        run_dir = RunDir.open(out / name, trial.experiment, resume=resume)
        first.lend(trial.experiment, run_dir)
        report = _run(trial.experiment, set(asked.values()), run_dir, part)
        machine: dict[str, Any] = json.loads((run_dir.root / "environment.json").read_text(encoding="utf-8"))
        found = list(results(name, *_as_told(trial.experiment, report, asked, run_dir)))
        studied.append(Studied(name, trial.experiment, trial.recipe, found, machine))
        keep_rows((row for one in studied for row in one.found), out)
        write_page(studied, page or out / PAGE, command)
    return studied


def expand_all(
    experiments: Mapping[str, Experiment], recipe: str = DARL, only: Collection[str] = ()
) -> dict[str, Trial]:
    """Every experiment with its rivals, none of them run.

    Raises:
        ConfigError: With the faults of all of them.
    """
    trials, faults = {}, []
    for name, experiment in experiments.items():
        try:
            trials[name] = expand(experiment, recipe)
        except ConfigError as error:
            faults += [f"{name}: {fault}" for fault in error.faults]
    faults += _only_faults(trials, only) if not faults else []
    if faults:
        raise ConfigError("study", faults)
    return trials


def expand(experiment: Experiment, name: str = DARL) -> Trial:
    """An experiment with a recipe for each rival.

    Args:
        experiment: With a pool, and test slices in distribution and out of it.
        name: Of the recipe that the rivals are made from.

    Raises:
        ConfigError: With everything that it lacks.
    """
    faults = _faults(experiment, name)
    if name in experiment.recipes:
        faults += recipe_faults(experiment.recipes[name])
    if faults:
        raise ConfigError("study", faults)
    pool = experiment.data.load(experiment.grades, template_fields(experiment.model.prompt)).pool
    recipe = experiment.recipes[name]
    calibration = calibration_of_rivals(experiment)
    made = rivals_of(recipe, len(pool), calibration["calibration"].new_traffic)
    run_as = same_as(made)
    recipes = in_turn({label: one for label, one in made.items() if run_as[label] == label})
    changes = {
        "recipes": recipes,
        "report": experiment.report.model_copy(update={"baseline": "", "validation": False}),
        **calibration,
        "reference_size": 0,
    }
    fields = {key: getattr(experiment, key) for key in Experiment.model_fields}
    return Trial(Experiment.model_validate(fields | changes), run_as, recipe)


def _faults(experiment: Experiment, name: str) -> list[str]:
    """What an experiment lacks, but for its recipe and pairs."""
    slices = list(experiment.data.test)
    faults = [] if name in experiment.recipes else [
        f"recipes: expected {name} (or another one with --recipe), received {', '.join(experiment.recipes)}"
    ]  # fmt: skip
    if experiment.data.pool is None:
        faults.append("data.pool: expected a pool to buy labels from, received none")
    if slices[0] != IN_DIST or len(slices) < 2:
        faults.append(
            f"data.test: expected {IN_DIST} first, then slices out of distribution, received "
            f"{', '.join(slices)}"
        )
    if experiment.start is not None:
        faults.append("start: expected none, as rivals begin with the backbone")
    return faults + pooled_faults(slices)


def _only_faults(trials: Mapping[str, Trial], only: Collection[str]) -> list[str]:
    known = [label for label in RIVALS if any(label in trial.run_as for trial in trials.values())]
    return [
        f"--only: expected one of {', '.join(known)}, received {label}"
        for label in only
        if label not in known
    ]


def _run(experiment: Experiment, labels: Collection[str], run_dir: RunDir, progress: Progress) -> Report:
    """Run some of the recipes; those that were run before are there."""
    recipes = {label: one for label, one in experiment.recipes.items() if label in labels}
    if run_dir.is_main:  # it may be of fewer rivals
        (run_dir.root / "report.json").unlink(missing_ok=True)
    return run(experiment.model_copy(update={"recipes": recipes}), run_dir, progress=progress)


def _as_told(
    experiment: Experiment, report: Report, run_as: Mapping[str, str], run_dir: RunDir
) -> tuple[Report, dict[str, str]]:
    """The report by what rivals tell, and by rival its model there: cut alike it is another one."""
    if not experiment.calibration.new_traffic:
        return report, dict(run_as)
    models = {label: f"{model} cut alike" if label in CUT_ALIKE else model for label, model in run_as.items()}
    run = {models[label]: model for label, model in run_as.items()}
    cut = {model: report.runs[model] for label, model in run_as.items() if label in CUT_ALIKE}
    splits = experiment.data.load(experiment.grades, template_fields(experiment.model.prompt))
    alike = told_in(experiment, cut, splits, run_dir, new_traffic=False)
    told = {name: (report.told if name == model else alike).get(model) for name, model in run.items()}
    return replace(
        report,
        runs={name: report.runs[model] for name, model in run.items()},
        labels={name: report.labels[model] for name, model in run.items()},
        told={name: one for name, one in told.items() if one is not None},
    ), models
