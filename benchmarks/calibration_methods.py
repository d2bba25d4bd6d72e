"""What each method of calibration makes of the models of a study, which are not trained again.

    darl study objectives experiments/calibration-*.yaml --out runs/calibration --objective darl
    python -m benchmarks.calibration_methods runs/calibration experiments/calibration-*.yaml --out out

Every method is fitted on what a model says of the validation pairs, for each seed by itself, and told on the
test slices. With each decision rule: the most probable grade, and the cuts with the best macro-F1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from darl.calibration.calibration import Calibration
from darl.calibration.config import CalibrationConfig
from darl.calibration.evidence import Evidence
from darl.evaluation.calibration_rows import CalibrationRow, calibration_rows
from darl.evaluation.judged import judge, with_decisions
from darl.evaluation.write import calibration_dict
from darl.files import write_text
from darl.pairs import GradedPair
from darl.pipeline.dasa import read_predictions
from darl.pipeline.experiment import Experiment, load_experiment
from darl.predictions import Predictions

METHODS = ("none", "temperature", "vector", "matrix")
GOALS = ("most_probable", "macro_f1")
SHOWN = {
    "ece_mass": "ECE",
    "ece_chance": "by chance",
    "accuracy": "accuracy",
    "accuracy@80%": "of the surest 80 %",
    "aurc": "AURC",
    "macro_f1": "macro-F1",
}
VALID = "valid"


def told(
    experiment: Experiment, run: Path, model: str, method: str, goal: str, resamples: int
) -> Iterator[CalibrationRow]:
    """Each slice's metrics before and after."""
    splits, scale = experiment.data.load(experiment.grades), experiment.grades
    folder = run / "recipes" / model
    config = CalibrationConfig.model_validate({"method": method, "goal": goal})
    said = {
        (name, seed): read_predictions(folder / f"seed-{seed}" / "predictions" / f"{name}.safetensors")
        for name in (VALID, *splits.test)
        for seed in experiment.seeds
    }
    fitted = {
        seed: Calibration.fit(config, scale, _evidence(said[VALID, seed], splits.valid))
        for seed in experiment.seeds
    }
    for name, graded in splits.test.items():
        before = [judge(graded, said[name, seed]) for seed in experiment.seeds]
        domains = [one.pair.domain for one in graded]
        after = [
            with_decisions(one, fitted[seed].apply(said[name, seed], domains))
            for one, seed in zip(before, experiment.seeds, strict=True)
        ]
        yield from calibration_rows(model, name, before, after, scale, np.random.default_rng(0), resamples)


def _evidence(said: Predictions, graded: tuple[GradedPair, ...]) -> Evidence:
    return Evidence(
        said,
        np.array([one.grade for one in graded], dtype=np.int64),
        np.array([one.pair.query_id for one in graded], dtype=np.str_),
        np.array([one.pair.domain for one in graded], dtype=np.str_),
        None,
    )


def table(rows: dict[tuple[str, str], dict[tuple[str, str], CalibrationRow]], name: str) -> list[str]:
    """What is told on one slice by each method and decision rule."""
    lines = [f"| {name} | " + " | ".join(SHOWN.values()) + " |", "|---" * (len(SHOWN) + 1) + "|"]
    for (method, goal), found in rows.items():
        values = [found[name, metric].after for metric in SHOWN]
        cells = [f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in values]
        lines.append(f"| {method}, {goal} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="the study's folder")
    parser.add_argument("experiments", type=Path, nargs="+", help="the files that it was made from")
    parser.add_argument("--models", nargs="+", default=["softmax", "darl"], help="objectives of the study")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for calibration-methods.md and .jsonl"
    )
    options = parser.parse_args()
    lines, kept = [], []
    for path in options.experiments:
        experiment = load_experiment(path)
        lines += [f"## {experiment.title}", ""]
        for model in options.models:
            rows: dict[tuple[str, str], dict[tuple[str, str], CalibrationRow]] = {}
            for method in METHODS:
                for goal in GOALS if method != "none" else GOALS[:1]:
                    found = list(
                        told(experiment, options.study / path.stem, model, method, goal, options.resamples)
                    )
                    rows[method, goal] = {(row.slice, row.metric): row for row in found}
                    about = {"experiment": path.stem, "method": method, "goal": goal}
                    kept += [about | calibration_dict(row) for row in found if row.metric in SHOWN]
            lines += [f"### {model}", ""]
            for name in experiment.data.test:
                lines += [*table(rows, name), ""]
    page = "\n".join(lines)
    write_text(options.out / "calibration-methods.md", page)
    write_text(options.out / "calibration-methods.jsonl", "".join(json.dumps(one) + "\n" for one in kept))
    print(page)


if __name__ == "__main__":
    main()
