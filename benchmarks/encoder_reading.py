"""Encoders that read query and item apart or jointly: docs/results/encoder-reading.md.

Run from the repository's root; what is there is not made again:

    python -m benchmarks.encoder_reading experiments/objectives-*.yaml --work runs/reading
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.judged import Judged, judge
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import interval, number, signed
from darl.evaluation.rows import Difference, differences_of, rows_of
from darl.files import write_text
from darl.models.prompt import template_fields
from darl.pipeline.dasa import read_predictions
from darl.pipeline.environment import environment
from darl.pipeline.experiment import Experiment, load_experiment
from darl.pipeline.run import run
from darl.pipeline.run_dir import RunDir

JOINT, APART = "joint", "apart"
METRICS = ("macro_f1", "qwk", "pairwise", "ndcg@10", "auc>=strong", "ece")
LEVEL, RESAMPLES = 0.95, 1000

Runs = dict[str, dict[str, list[Judged]]]


def main() -> None:
    """Train what is not trained yet, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoder_reading", description=__doc__)
    parser.add_argument("experiments", nargs="+", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/reading"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("docs/results/encoder-reading.md"))
    options = parser.parse_args()
    lines = [*head(options.experiments)]
    for path in options.experiments:
        arms = {arm: load_experiment(path, settings(arm)) for arm in (JOINT, APART)}
        runs = {arm: judged(one, options.work / f"{arm}-{path.stem}") for arm, one in arms.items()}
        lines += ["", f"## {arms[JOINT].title}", "", *table(runs, arms[JOINT])]
    write_text(options.out, "\n".join(lines) + "\n")


def settings(arm: str) -> list[str]:
    """What makes an experiment one arm."""
    return [f"model.reading={arm}", "reference_size=0", "ood=null"]


def judged(experiment: Experiment, folder: Path) -> dict[str, list[Judged]]:
    """What the baseline of an experiment says of its test slices, seed by seed."""
    run_dir = RunDir.open(folder, experiment, resume=folder.exists())
    run(experiment, run_dir)
    splits = experiment.data.load(experiment.grades, template_fields(experiment.model.prompt))
    return {
        name: [
            judge(graded, read_predictions(run_dir.predictions(experiment.baseline, seed, name)))
            for seed in experiment.seeds
        ]
        for name, graded in splits.test.items()
    }


def head(experiments: Sequence[Path]) -> Iterator[str]:
    """What the page is of."""
    machine = environment()
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    yield from ("# Encoders that read query and item apart, or jointly", "", "```sh")
    yield f"python -m benchmarks.encoder_reading {' '.join(map(str, experiments))}"
    yield from ("```", "")
    yield (
        "`softmax`, the same pairs, batches and seeds. `joint`: one sequence, each text sees the other. "
        "`apart`: each text by itself. Both begin with a head that says what the cosine says "
        f"(`darl/models/similarity.py`). Means over seeds; {LEVEL:.0%} intervals, {RESAMPLES:,} resamples "
        "of queries and seeds; **bold**: the interval of the difference leaves out 0."
    )
    yield from (
        "",
        f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, {packages}.",
    )


def table(runs: Runs, experiment: Experiment) -> Iterator[str]:
    """A row a metric and slice."""
    metrics = metrics_for(experiment.grades)
    yield "| slice | metric | joint | apart | difference |"
    yield "|---|---|---|---|---|"
    for place in runs[JOINT]:
        estimates = {
            place: estimate_slice(
                {arm: runs[arm][place] for arm in (JOINT, APART)},
                experiment.grades,
                [metrics[name] for name in METRICS],
                np.random.default_rng(0),
                RESAMPLES,
                over_seeds=True,
            )
        }
        rows = {(row.model, row.metric): row for row in rows_of(estimates, [JOINT, APART], LEVEL)}
        apart = {one.metric: one for one in differences_of(estimates, APART, JOINT, LEVEL)}
        for name in METRICS:
            values = " | ".join(number(rows[arm, name].value) for arm in (JOINT, APART))
            yield f"| {place} | {metrics[name].title} | {values} | {told(apart[name])} |"


def told(one: Difference) -> str:
    """The difference, bold where it is significant."""
    return bold_where_clear(one.value, one.low, one.high)


def bold_where_clear(value: float | None, low: float | None, high: float | None) -> str:
    """A difference with its interval, bold where that leaves out 0."""
    text = f"{signed(value)} {interval(low, high)}".rstrip()
    clear = low is not None and high is not None and (low > 0 or high < 0)
    return f"**{text}**" if clear else text


if __name__ == "__main__":
    main()
