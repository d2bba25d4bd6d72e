"""A study of DaRL as a Markdown page with plots, and the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from darl.evaluation.closed import NO_DISTANCE
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import MISSING, count, listed, percent
from darl.evaluation.rows import GAP, IN_DIST
from darl.evaluation.summary import HEADLINE
from darl.files import write_text
from darl.grades import GradeScale
from darl.pipeline.darl_plot import plot_values
from darl.pipeline.darl_recipes import CUT_ALIKE, PLAIN, RANDOM
from darl.pipeline.darl_rows import LEVEL, RESAMPLES, Less, Result, Share
from darl.pipeline.darl_tables import earned_rows, heading, places_of
from darl.pipeline.darl_verdicts import Check, Earned, checks, earned, reached
from darl.pipeline.difference_plot import Bar, plot
from darl.pipeline.experiment import Experiment
from darl.pipeline.recipe import Recipe
from darl.pipeline.study import OOD
from darl.pipeline.study_page import difference, how_made, spread, table

GENERATED = "insurance"


class Studied(NamedTuple):
    """One experiment of the study.

    Attributes:
        name: Its name.
        experiment: As it was run, a recipe a rival.
        recipe: What the rivals were made from.
        found: What came out.
        machine: What it was run on, see environment.py.
    """

    name: str
    experiment: Experiment
    recipe: Recipe
    found: Sequence[Result]
    machine: Mapping[str, Any]

    @property
    def metrics(self) -> list[Metric]:
        """Those that the page shows, the one that counts first."""
        return reported(self.experiment.grades)

    @property
    def checks(self) -> list[Check]:
        """What it says of what must be reached."""
        return checks(self.found, self.metrics)

    @property
    def earned(self) -> list[Earned]:
        """Which parts of the recipe it is better for."""
        return earned(self.found)

    @property
    def generated(self) -> bool:
        """Whether its pairs are of the generated corpus."""
        corpora, name = self.experiment.data.corpora, self.experiment.data.train.partition(":")[0]
        return (corpora[name].name if name in corpora else name) == GENERATED


def reported(scale: GradeScale) -> list[Metric]:
    """The metrics of the page.

    >>> [metric.name for metric in reported(GradeScale(("no", "weak", "yes")))]
    ['macro_f1', 'f1:weak', 'qwk', 'pairwise', 'auc>=yes', 'ece']
    """
    known = metrics_for(scale)
    between = [f"f1:{name}" for name in scale.names[1:-1]]
    return [known[name] for name in (HEADLINE, *between, "qwk", "pairwise", f"auc>={scale.names[-1]}", "ece")]


def write_page(studied: Sequence[Studied], path: Path, command: str) -> None:
    """Write the page, and beside it two plots for each experiment.

    Args:
        studied: The experiments.
        path: The page; plots are PAGE-EXPERIMENT.svg and PAGE-EXPERIMENT-random.svg, without its suffix.
        command: How the study was asked for; "" leaves that out.
    """
    lines = list(_head(studied, command))
    for one in studied:
        lines += _section(one, path)
    write_text(path, "\n".join(lines) + "\n")


def _head(studied: Sequence[Studied], command: str) -> Iterator[str]:
    yield from ("# Does DaRL work?", "")
    yield (
        "Our reading of DaRL beside simple rivals that spend as many labels, and without each of its parts. "
        "All are made from one recipe and trained on the same pairs with the same seeds; `docs/study.md` "
        "says how."
    )
    yield from how_made(command, [one.machine for one in studied], LEVEL, RESAMPLES)
    yield from ("", "## What must be reached", "", _verdict(studied), "")
    asked = [check.asked for check in studied[0].checks]
    rows = [[asked[i], *(_answer(one.checks[i]) for one in studied)] for i in range(len(asked))]
    yield table(["", *(one.name for one in studied)], rows)
    if parts := [[one.name, *row] for one in studied for row in earned_rows(one.earned, HEADLINE)]:
        yield from ("", "## Which parts earn their place", "")
        yield (
            f"The recipe less the recipe without the part, {studied[0].metrics[0].title}. A part earns its "
            f"place where the recipe is significantly better for it, in distribution or on {OOD}, and "
            "significantly worse on neither."
        )
        yield from ("", table(["experiment", "part", IN_DIST, OOD, ""], parts))


def _verdict(studied: Sequence[Studied]) -> str:
    """Whether it is reached where it must be: on the generated corpus and on a real one."""
    kinds = {True: "the generated corpus", False: "a real corpus"}
    told = []
    for generated, words in kinds.items():
        answers = {one.name: reached(one.checks) for one in studied if one.generated == generated}
        names = [name for name, answer in answers.items() if answer == "yes"]
        if names:
            told.append(f"reached on {words} ({', '.join(names)})")
        elif not answers or "unknown" in answers.values():
            told.append(f"not settled on {words}")
        else:
            told.append(f"not reached on {words}")
    return f"All of it is asked for on the generated corpus and on at least one real one: {'; '.join(told)}."


def _answer(check: Check) -> str:
    return f"**{check.answer}**: {check.told}"


def _section(one: Studied, path: Path) -> Iterator[str]:
    headline = one.metrics[0]
    values = path.with_name(f"{path.stem}-{one.name}.svg")
    write_text(values, plot_values(one.name, one.found, headline))
    yield from ("", f"## {one.name}", "", _facts(one), "")
    yield f"![{headline.title} of every rival, in and out of distribution: the tables below]({values.name})"
    yield from _against_random(one, path)
    yield from ("", "### Share of the distance closed", "", _closed_words(one), "")
    yield _closed_table(one)
    for metric in one.metrics:
        yield from _of_metric(one, metric)
    if one.earned:
        yield from ("", "### Without each part", "", _without(one))


def _against_random(one: Studied, path: Path) -> Iterator[str]:
    """The differences to random labels, drawn, where there are any."""
    bars = [
        Bar(row.rival, row.slice, row.metric, less.value, less.low, less.high, bool(less.mark))
        for row in one.found
        if row.slice in (IN_DIST, OOD) and (less := row.less.get(RANDOM))
    ]
    if bars:
        drawing = path.with_name(f"{path.stem}-{one.name}-{RANDOM}.svg")
        words = f"{one.name}: every rival less {RANDOM}, by metric, in distribution and out of it"
        write_text(drawing, plot(f"study-{one.name}-{RANDOM}", bars, one.metrics, words))
        yield from ("", f"![differences to {RANDOM} of every rival: the tables below]({drawing.name})", "")
        yield f"Differences to {RANDOM} with their intervals; filled marks: the interval leaves out 0."


def _facts(one: Studied) -> str:
    sizes = {
        row.slice: f"{row.slice} {count(row.pairs)} of {count(row.queries)}"
        for row in one.found
        if not row.slice.startswith(GAP)
    }
    first = one.found[0]
    same = {row.rival: row.same_as for row in one.found if row.same_as}
    alike = "".join(f" `{label}` is the same as `{other}` here." for label, other in same.items())
    stages = " ▸ ".join(stage.name for stage in one.recipe.stages)
    chosen = next(stage.round for stage in one.recipe.stages if stage.round)
    return (
        f"{one.experiment.title}. `{one.experiment.model.backbone}`; {count(first.train)} training pairs, "
        f"{count(one.recipe.budget)} labels ({chosen.detector} on {chosen.features}, {chosen.strategy}), "
        f"stages {stages}; {len(one.experiment.seeds)} seed(s); {_calibrated(one)}. Test pairs and queries: "
        f"{listed(list(sizes.values()))}.{alike}"
    )


def _calibrated(one: Studied) -> str:
    how = one.experiment.calibration
    if how.is_none:
        return "not calibrated"
    told = f"each calibrated on validation ({how.method}, {how.goal})"
    if not how.new_traffic:
        return told
    rivals = {row.rival for row in one.found}
    alike = [f"`{rival}`" for rival in CUT_ALIKE if rival in rivals]
    return f"{told}, {listed(alike)} without cuts of their own for new traffic, which the others have"


def _closed_words(one: Studied) -> str:
    return (
        f"Of the way from `{PLAIN}` (0) to the whole pool labelled (1), on {OOD}; a dash: the ceiling is not "
        f"significantly better than `{PLAIN}` at {percent(LEVEL)}, and there is {NO_DISTANCE}."
    )


def _closed_table(one: Studied) -> str:
    at = {(row.rival, row.metric): row.closed for row in one.found if row.slice == OOD}
    rivals = dict.fromkeys(row.rival for row in one.found)
    rows = [[rival, *(_share(at.get((rival, metric.name))) for metric in one.metrics)] for rival in rivals]
    return table(["rival", *(metric.title for metric in one.metrics)], rows)


def _share(share: Share | None) -> str:
    return MISSING if share is None or share.value is None else spread(share.value, share.low, share.high)


def _of_metric(one: Studied, metric: Metric) -> Iterator[str]:
    rows = [row for row in one.found if row.metric == metric.name and row.slice in places_of(one.found)]
    places = list(dict.fromkeys(row.slice for row in rows))
    at = {(row.rival, row.slice): row for row in rows}
    better = "" if metric.larger_is_better else " (less is better)"
    yield from ("", f"### {metric.title}{better}", "", metric.meaning)
    yield from (f"In a cell: the value; less `{PLAIN}`; less `{RANDOM}`.", "")
    lines = [
        [rival, f"{at[rival, places[0]].labels:,}", *(_cell(at[rival, place]) for place in places)]
        for rival in dict.fromkeys(row.rival for row in rows)
    ]
    yield table(["rival", "labels", *map(heading, places)], lines)


def _cell(row: Result) -> str:
    less = [row.less.get(other) for other in (PLAIN, RANDOM)]
    return "<br>".join([spread(row.value, row.low, row.high), *map(_difference, less)])


def _difference(less: Less | None) -> str:
    return MISSING if less is None else difference(less.value, less.low, less.high, less.mark)


def _without(one: Studied) -> str:
    rows = [
        [
            part.part,
            metric.title,
            *(_difference(part.gains.get((place, metric.name))) for place in (IN_DIST, OOD)),
        ]
        for part in one.earned
        for metric in one.metrics
    ]
    return table(["part", "metric", IN_DIST, OOD], rows)
