"""What each method of calibration makes of the models of a study, which are not trained again.

    darl study objectives experiments/calibration-*.yaml --out runs/calibration --objective darl
    python -m benchmarks.calibration_methods runs/calibration experiments/calibration-*.yaml --out out

Every method is fitted on what a model says of the validation pairs, for each seed by itself, and told on the
test slices. With each decision rule: the most probable grade, and the cuts with the best macro-F1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.calibration.calibration import Calibration
from darl.calibration.config import CalibrationConfig
from darl.evaluation.calibration_rows import CalibrationRow, calibration_rows
from darl.evaluation.judged import judge, with_decisions
from darl.evaluation.write import calibration_dict
from darl.files import write_text
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.pipeline.calibrate import decide, evidence_in
from darl.pipeline.dasa import read_predictions
from darl.pipeline.data import Splits
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


@dataclass(frozen=True)
class Said:
    """What a model said of an experiment's pairs, by seed.

    Attributes:
        model: The model's name.
        scale: The grades.
        valid: Validation pairs.
        test: Test pairs by slice.
        predictions: For each seed, what was said of each slice and of `valid`.
    """

    model: str
    scale: GradeScale
    valid: Sequence[GradedPair]
    test: Mapping[str, Sequence[GradedPair]]
    predictions: Sequence[Mapping[str, Predictions]]

    @classmethod
    def read(cls, experiment: Experiment, splits: Splits, run: Path, model: str) -> Said:
        """From the folder of the experiment in a study."""
        folders = [run / "recipes" / model / f"seed-{seed}" / "predictions" for seed in experiment.seeds]
        names = (VALID, *splits.test)
        predictions = [
            {name: read_predictions(folder / f"{name}.safetensors") for name in names} for folder in folders
        ]
        return cls(model, experiment.grades, splits.valid, splits.test, predictions)

    def told(self, config: CalibrationConfig, resamples: int) -> Iterator[CalibrationRow]:
        """Each slice's metrics before and after a calibration that is fitted on the validation pairs."""
        fitted = [
            Calibration.fit(config, self.scale, evidence_in(said[VALID], self.valid))
            for said in self.predictions
        ]
        for name, graded in self.test.items():
            pairs = [one.pair for one in graded]
            before = [judge(graded, said[name]) for said in self.predictions]
            after = [
                with_decisions(one, decide(one.predictions, pairs, calibration))
                for one, calibration in zip(before, fitted, strict=True)
            ]
            rng = np.random.default_rng(0)
            yield from calibration_rows(self.model, name, before, after, self.scale, rng, resamples)


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
        splits = experiment.data.load(experiment.grades)
        lines += [f"## {experiment.title}", ""]
        for model in options.models:
            said = Said.read(experiment, splits, options.study / path.stem, model)
            rows: dict[tuple[str, str], dict[tuple[str, str], CalibrationRow]] = {}
            for method in METHODS:
                for goal in GOALS if method != "none" else GOALS[:1]:
                    config = CalibrationConfig.model_validate({"method": method, "goal": goal})
                    found = list(said.told(config, options.resamples))
                    rows[method, goal] = {(row.slice, row.metric): row for row in found}
                    about = {"experiment": path.stem, "method": method, "goal": goal}
                    kept += [about | calibration_dict(row) for row in found if row.metric in SHOWN]
            lines += [f"### {model}", ""]
            for name in splits.test:
                lines += [*table(rows, name), ""]
    page = "\n".join(lines)
    write_text(options.out / "calibration-methods.md", page)
    write_text(options.out / "calibration-methods.jsonl", "".join(json.dumps(one) + "\n" for one in kept))
    print(page)


if __name__ == "__main__":
    main()
