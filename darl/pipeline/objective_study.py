"""Which objective makes the most of the same labels: measured on an experiment's own slices.

The first stage of an experiment's baseline is trained with every objective and every seed: the same pairs in
the same batches, from the same starting weights. Every objective is compared with softmax, pair by pair, on
the test slices, and on the validation pairs: to choose by.

    OUT/EXPERIMENT/            the run (see run_dir.py)
    OUT/rows.jsonl             the findings
    OUT/calibration.jsonl      what the models say, and what is told after calibration
    OUT/objectives.md, *.svg   a page of them, with plots

What is there is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from darl.catalogue import Component, build
from darl.errors import ConfigError
from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.metrics import metrics_for
from darl.evaluation.report import Report
from darl.evaluation.rows import differences_of, rows_of
from darl.evaluation.verdict import verdict
from darl.evaluation.write import calibration_dict
from darl.files import write_text
from darl.objectives.catalogue import OBJECTIVES
from darl.objectives.config import read_objective
from darl.pipeline.experiment import Experiment
from darl.pipeline.objective_page import Studied, write_page
from darl.pipeline.objective_rows import LEVEL, RESAMPLES, RIVAL, Outcome
from darl.pipeline.recipe import Recipe
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir
from darl.pipeline.study import check_labels, keep_rows, parse_labelled
from darl.pipeline.work import Part
from darl.progress import SILENT, Progress

CALIBRATION = "calibration.jsonl"
SOFTMAX = Component(name=RIVAL)
# What grades by itself, with its default arguments; the others are terms.
TERMS = {
    "confidence_penalty": [RIVAL, {"name": "confidence_penalty", "weight": 0.1}],
    "weighted": ["soft_grades", {"name": "in_query_contrast", "weight": 0.2}],
}
ALL: dict[str, Component] = {RIVAL: SOFTMAX} | {
    name: Component.model_validate(read_objective(TERMS.get(name, name)))
    for name in sorted(OBJECTIVES)
    if name != RIVAL
}


def study_objectives(
    experiments: Mapping[str, Experiment],
    out: Path,
    *,
    objectives: Mapping[str, Component] = ALL,
    page: Path | None = None,
    command: str = "",
    resume: bool = False,
    progress: Progress = SILENT,
) -> list[Outcome]:
    """Train with every objective, and compare.

    Args:
        experiments: By name; of each, data, model, seeds, and the first stage of the baseline are used.
        out: Folder for everything that is made.
        objectives: By a label of letters, digits, - and _. `softmax` is always among them.
        page: Where the page goes, its plots beside it; None = `out`/objectives.md.
        command: How the study was asked for, for the page; "" leaves that out.
        resume: Go on in a folder that is begun.
        progress: Told how far it is.

    Raises:
        ConfigError: A first stage selects, an objective does not fit it or the grades, a label is no name,
            or there is none beside the rival.
        DarlError: An experiment does not fit its data, or `out` holds another study.
    """
    tried = {RIVAL: SOFTMAX, **objectives}
    expanded = {name: expand(experiment, tried) for name, experiment in experiments.items()}
    found: list[Outcome] = []
    studied = []
    for place, (name, experiment) in enumerate(expanded.items()):
        run_dir = RunDir.open(out / name, experiment, resume=resume)
        report = run(experiment, run_dir, progress=Part(progress, place, len(expanded)))
        own = list(_outcomes(name, experiment, report))
        machine = json.loads((run_dir.root / "environment.json").read_text(encoding="utf-8"))
        studied.append(
            Studied(name, experiment, own, report.calibration.rows, report.n_labels(RIVAL), machine)
        )
        found += own
    keep_rows(found, out)
    lines = [{"experiment": one.name, **calibration_dict(row)} for one in studied for row in one.calibration]
    write_text(out / CALIBRATION, "".join(json.dumps(line) + "\n" for line in lines))
    write_page(studied, page or out / "objectives.md", command)
    return found


def parse_objectives(typed: Mapping[str, Any]) -> dict[str, Component]:
    """Objectives by label from what is typed.

    Raises:
        ConfigError: With every fault found.
    """
    read = {label: read_objective(one) for label, one in typed.items()}
    return parse_labelled("objective", OBJECTIVES, read, SOFTMAX)


def expand(experiment: Experiment, objectives: Mapping[str, Component]) -> Experiment:
    """An experiment with a recipe for each objective: the first stage of the baseline, alike for all.

    Raises:
        ConfigError: The stage selects, an objective does not fit it or the grades, a label is no name, or
            there is nothing beside the rival.
    """
    check_labels("objective", objectives)
    if not set(objectives) - {RIVAL}:
        raise ConfigError("study", [f"objectives: only {RIVAL}, which the others are compared with: add one"])
    stage = experiment.recipes[experiment.baseline].stages[0]
    if stage.round is not None:
        raise ConfigError("study", [f"{experiment.title}: expected a first stage without a round"])
    built = {label: build("objective", OBJECTIVES, one) for label, one in objectives.items()}
    together = max(stage.together(one) for one in built.values())
    stage = stage.model_copy(update={"items_per_query": together})
    if faults := [
        f"{experiment.title}: {label}: {fault}"
        for label, one in built.items()
        for fault in one.faults(len(experiment.grades)) + stage.faults(one)
    ]:
        raise ConfigError("study", faults)
    recipes = {label: Recipe(objective=one, stages=(stage,)) for label, one in objectives.items()}
    report = experiment.report.model_copy(update={"baseline": RIVAL, "validation": True})
    changes = {"recipes": recipes, "report": report, "reference_size": 0, "ood": None}
    return experiment.model_copy(update=changes)


def _outcomes(name: str, experiment: Experiment, report: Report) -> Iterator[Outcome]:
    """An outcome for each slice, metric and objective."""
    metrics = metrics_for(experiment.grades)
    labels = list(experiment.recipes)
    for place in report.slices:
        estimates = {
            place: estimate_slice(
                {label: report.runs[label][place] for label in labels},
                experiment.grades,
                list(metrics.values()),
                np.random.default_rng(0),
                RESAMPLES,
                over_seeds=True,
            )
        }
        apart = {
            (one.model, one.metric): one
            for label in labels[1:]
            for one in differences_of(estimates, label, RIVAL, LEVEL)
        }
        judged = report.judged_on(place)
        for row in rows_of(estimates, labels, LEVEL):
            if row.value is None:  # of no meaning on the slice, whatever the model
                continue
            less = apart.get((row.model, row.metric))
            yield Outcome(
                name,
                place,
                row.metric,
                row.model,
                str(experiment.recipes[row.model].objective),
                row.value,
                row.low,
                row.high,
                estimates[place][row.model][row.metric].by_seed,
                less.value if less else None,
                less.low if less else None,
                less.high if less else None,
                verdict(less, metrics[row.metric]).tone if less else "",
                len(judged),
                judged.n_queries,
            )
