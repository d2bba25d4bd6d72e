"""A study of objectives as a Markdown page with plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from darl.catalogue import Component
from darl.evaluation.accuracy import ACCURACY
from darl.evaluation.calibration_rows import CalibrationRow
from darl.evaluation.equal_mass import MASS_ECE
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import MISSING, count, interval, listed, number, percent
from darl.evaluation.selective import COVERAGES, accuracy_at
from darl.files import write_text
from darl.grades import GradeScale
from darl.pipeline.data import VALIDATION
from darl.pipeline.difference_plot import Bar, plot
from darl.pipeline.experiment import Experiment
from darl.pipeline.objective_choice import choice
from darl.pipeline.objective_rows import LEVEL, RESAMPLES, RIVAL, Outcome
from darl.pipeline.stage import Stage
from darl.pipeline.study_page import difference, how_made, spread

KEPT = 0.8
"""Share of the pairs that are answered, in the table of abstention."""


class Studied(NamedTuple):
    """One experiment of the study.

    Attributes:
        name: Its name.
        experiment: As it was run, a recipe an objective.
        found: What came out.
        calibration: What its models say, and what is told after calibration.
        trained_on: Training pairs.
        machine: What it was run on, see environment.py.
    """

    name: str
    experiment: Experiment
    found: Sequence[Outcome]
    calibration: Sequence[CalibrationRow]
    trained_on: int
    machine: Mapping[str, Any]

    @property
    def metrics(self) -> list[Metric]:
        """Those that the page shows, in its order."""
        return reported(self.experiment.grades)

    @property
    def stage(self) -> Stage:
        """What was trained."""
        return next(iter(self.experiment.recipes.values())).stages[0]


def reported(scale: GradeScale) -> list[Metric]:
    """The metrics of the page.

    >>> [metric.name for metric in reported(GradeScale(("no", "weak", "yes")))]
    ['macro_f1', 'f1:weak', 'qwk', 'pairwise', 'ndcg@10', 'ece', 'aurc']
    """
    between = [f"f1:{name}" for name in scale.names[1:-1]]
    known = metrics_for(scale)
    return [known[name] for name in ("macro_f1", *between, "qwk", "pairwise", "ndcg@10", "ece", "aurc")]


def write_page(studied: Sequence[Studied], path: Path, command: str) -> None:
    """Write the page, and beside it a plot for each experiment.

    Args:
        studied: The experiments.
        path: The page; plots are PAGE-EXPERIMENT.svg, without its suffix.
        command: How the study was asked for; "" leaves that out.
    """
    lines = [*_head(studied, command), *choice([row for one in studied for row in one.found])]
    for one in studied:
        drawing = path.with_name(f"{path.stem}-{one.name}.svg")
        write_text(drawing, _plot(one))
        lines += _section(one, drawing.name)
    write_text(path, "\n".join(lines) + "\n")


def _plot(one: Studied) -> str:
    words = f"{one.name}: every objective less {RIVAL}, by metric and slice; the tables say the same"
    bars = [
        Bar(row.objective, row.slice, row.metric, row.less, row.less_low, row.less_high, bool(row.mark))
        for row in one.found
        if row.less is not None
    ]
    return plot(f"objectives-{one.name}", bars, one.metrics, words)


def _head(studied: Sequence[Studied], command: str) -> Iterator[str]:
    yield "# Objectives: what each makes of the same labels"
    yield ""
    yield (
        "One stage of fine-tuning with each objective. Pairs, batches, starting weights, learning rate and "
        f"epochs are alike; they were not tuned for any objective here. All are compared with `{RIVAL}`."
    )
    yield from how_made(command, [one.machine for one in studied], LEVEL, RESAMPLES)
    yield from ("", "| label | objective |", "|---|---|")
    tried = {label: one for part in studied for label, one in part.experiment.recipes.items()}
    for label, recipe in tried.items():
        yield f"| {label} | {told(recipe.objective)} |"


def told(objective: Component) -> str:
    """An objective as a formula of its terms.

    >>> terms = [{"name": "focal", "gamma": 1}, "softmax"]
    >>> told(Component(name="weighted", terms=terms, weights=[1, 0.2]))
    'focal(gamma=1) + 0.2 softmax'
    """
    arguments = objective.arguments
    if objective.name != "weighted" or arguments.keys() != {"terms", "weights"}:
        return str(objective)
    terms = [told(Component.model_validate(term)) for term in arguments["terms"]]
    parts = zip(arguments["weights"], terms, strict=True)
    return " + ".join(term if weight == 1 else f"{weight} {term}" for weight, term in parts)


def _section(one: Studied, drawing: str) -> Iterator[str]:
    yield from ("", f"## {one.name}", "", _facts(one), "", *_standing_out(one), "")
    yield f"![differences to {RIVAL} of every objective, metric and slice: the tables below]({drawing})"
    yield from ("", f"Differences to {RIVAL} with their intervals; filled marks: the interval leaves out 0.")
    for metric in one.metrics:
        yield from _table(one, metric)
    yield from _calibrated(one)


def _facts(one: Studied) -> str:
    stage, config = one.stage, one.experiment.model
    slices = {row.slice: f"{row.slice} {count(row.pairs)} of {count(row.queries)}" for row in one.found}
    return (
        f"{one.experiment.title}. `{config.backbone}`; {count(one.trained_on)} training pairs, "
        f"{stage.epochs} epochs, lr {stage.lr:g}, of the head {stage.head_lr or stage.lr:g}, batches of "
        f"{stage.batch_size}, {stage.items_per_query} item(s) of a query together; "
        f"{len(one.experiment.seeds)} seed(s). Test pairs and queries: {listed(list(slices.values()))}."
    )


def _standing_out(one: Studied) -> Iterator[str]:
    """Which differences leave out 0, objective by objective."""
    names = {metric.name: metric.title for metric in one.metrics}
    tested = [row for row in one.found if row.metric in names and row.slice != VALIDATION]
    compared = [row for row in tested if row.tone in ("better", "worse", "noise")]
    clear = {tone: [row for row in compared if row.tone == tone] for tone in ("better", "worse")}
    yield (
        f"Of {count(len(compared))} comparisons on test slices {len(clear['better'])} are significantly "
        f"better than {RIVAL} and {len(clear['worse'])} worse; by chance about "
        f"{round((1 - LEVEL) * len(compared))} would be."
    )
    yield from ("", "| objective | better | worse |", "|---|---|---|")
    for label in one.experiment.recipes:
        if label != RIVAL:
            cells = [
                _places([row for row in rows if row.objective == label], names) for rows in clear.values()
            ]
            yield f"| {label} | {' | '.join(cells)} |"


def _places(rows: Sequence[Outcome], names: Mapping[str, str]) -> str:
    """Metrics, each with its slices."""
    by_metric: dict[str, list[str]] = {}
    for row in rows:
        by_metric.setdefault(row.metric, []).append(row.slice)
    each = [f"{names[key]}: {', '.join(by_metric[key])}" for key in names if key in by_metric]
    return "; ".join(each) or MISSING


def _table(one: Studied, metric: Metric) -> Iterator[str]:
    rows = [row for row in one.found if row.metric == metric.name]
    slices = list(dict.fromkeys(row.slice for row in rows))
    better = "" if metric.larger_is_better else " (less is better)"
    yield from ("", f"### {metric.title}{better}", "", metric.meaning, "")
    yield "| objective | " + " | ".join(slices) + " |"
    yield "|---|" + "---|" * len(slices)
    at = {(row.objective, row.slice): row for row in rows}
    for label in dict.fromkeys(row.objective for row in rows):
        yield f"| {label} | " + " | ".join(_cell(at[label, name]) for name in slices) + " |"


def _calibrated(one: Studied) -> Iterator[str]:
    """How far off the confidence is before and after, and errors where what is unsure is left out."""
    rows = {(row.model, row.slice, row.metric): row for row in one.calibration}
    slices = [name for name in dict.fromkeys(row.slice for row in one.calibration) if name != VALIDATION]
    surest_share = accuracy_at(COVERAGES.index(KEPT)).name
    yield from ("", "### Calibration and abstention", "")
    yield (
        "Temperature scaling, fitted on the validation pairs. First the calibration error (bins of equal "
        "mass) before and after it; then the share of wrong grades among all pairs, and among the "
        f"{percent(KEPT)} that the calibrated model is surest of."
    )
    yield from ("", "| objective | " + " | ".join(slices) + " |", "|---|" + "---|" * len(slices))
    for label in dict.fromkeys(row.model for row in one.calibration):
        cells = []
        for name in slices:
            off, right, surest = (
                rows[label, name, key] for key in (MASS_ECE.name, ACCURACY.name, surest_share)
            )
            cells.append(
                f"{number(off.before.value)} → {number(off.after.value)} "
                f"{interval(off.after.low, off.after.high)}<br>"
                f"{number(_errors(right.after.value))} → {number(_errors(surest.after.value))}"
            )
        yield f"| {label} | " + " | ".join(cells) + " |"


def _errors(accuracy: float | None) -> float | None:
    return None if accuracy is None else 1 - accuracy


def _cell(row: Outcome) -> str:
    """The value, and below it the difference; of softmax its own interval."""
    if row.less is None:
        return spread(row.value, row.low, row.high)
    return f"{number(row.value)}<br>{difference(row.less, row.less_low, row.less_high, row.mark)}"
