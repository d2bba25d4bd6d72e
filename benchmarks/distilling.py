"""A student beside its teacher, and beside one that learns the same labels: docs/results/distilling.md.

Run from the repository's root; models that are there are not made again, and a killed one goes on:

    python -m benchmarks.distilling --teacher minilm-l6 --work runs/distil-encoder
    python -m benchmarks.distilling --teacher smollm2-135m --only skip --work runs/distil-llm

On the generated insurance corpus, for each seed: a teacher learns the graded pairs, students of another
backbone learn what it says of a pool (a fifth of it out of distribution) in several ways, and `direct` learns
the graded pairs as the teacher did. Differences are to `direct`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.encoder_reading import bold_where_clear
from darl.data.insurance.corpus import InsuranceCorpus
from darl.data.writers import write_pairs
from darl.evaluation.bootstrap import estimate_slice
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import Judged, judge, with_decisions
from darl.evaluation.metric import Metric
from darl.evaluation.metrics import metrics_for
from darl.evaluation.numerals import number
from darl.files import write_text
from darl.models.checkpoint import load_model
from darl.pairs import GradedPair
from darl.pipeline.distil import distil, parse_distil
from darl.pipeline.environment import environment
from darl.pipeline.settings import Settings, parse_settings
from darl.pipeline.study_page import machine_words, table
from darl.pipeline.told import Teller
from darl.pipeline.train import train

TEACHER, DIRECT = "teacher", "direct"
SLICES = ("in_dist", "near_ood", "far_ood")
METRICS = ("macro_f1", "qwk", "pairwise", "auc>=strong", "ece")
LEVEL, RESAMPLES, ROUNDS = 0.95, 1000, 5
FITTED = {
    "minilm-l6": ("model.adapter.upper_layers=3", "lr=8.0e-4", "head_lr=2.0e-3"),
    "smollm2-135m": ("model.adapter.upper_layers=6", "lr=1.0e-3", "head_lr=1.0e-3"),
}
"""As the experiments here train them."""
STUDENTS: dict[str, dict[str, Any]] = {
    "skip": {"beyond": "skip"},
    "soften": {"beyond": "soften"},
    "learn": {"beyond": "learn"},
    "with labels": {"beyond": "skip", "share": 0.3},
    "darl objective": {"beyond": "skip"},
}
"""What each takes from the teacher; all but one learn it by softmax, as `darl distil` does by default."""

Runs = dict[str, dict[str, list[Judged]]]


@dataclass(frozen=True)
class Bench:
    """What is measured.

    Attributes:
        corpus: Its train, valid and pool slices teach, its test slices judge.
        teacher: A built-in backbone.
        student: Another.
        ways: Labels of `STUDENTS`.
        work: Where models go.
    """

    corpus: InsuranceCorpus
    teacher: str
    student: str
    ways: tuple[str, ...]
    work: Path

    @property
    def rivals(self) -> tuple[str, ...]:
        """All that are compared."""
        return (TEACHER, DIRECT, *self.ways)

    def settings(self, backbone: str, objective: str = "darl") -> Settings:
        """How a model of a backbone is trained."""
        size = {"backbone": backbone, "max_length": 72, "objective": [{"name": objective}]}
        fitted = (*FITTED[backbone], "epochs=3", "batch_size=16", "items_per_query=4")
        return parse_settings(size, fitted, {"features": "frozen.item"})

    def folders(self, seed: int) -> dict[str, Path]:
        """The model of each rival, made where it is not there."""
        here = self.work / f"seed-{seed}"
        made = {name: here / name.replace(" ", "-") for name in self.rivals}
        pool = here / "pool.jsonl"
        graded, valid = self.corpus.load("train"), self.corpus.load("valid")
        pairs = [one.pair for one in self.corpus.load("pool")]
        if not pool.exists():
            write_pairs(pool, pairs)
        for name, backbone in ((TEACHER, self.teacher), (DIRECT, self.student)):
            if not (made[name] / "model").exists():
                how = self.settings(backbone)
                parts: dict[str, Any] = {"model": how.model, "training": how.training, "ood": how.ood}
                train(graded, made[name], **parts, valid=valid, seed=seed, resume=made[name].exists())
                print(f"seed {seed}: {name}", flush=True)
        for name in self.ways:
            taken = STUDENTS[name]
            if not (made[name] / "model").exists():
                distil(
                    made[TEACHER] / "model",
                    pool,
                    made[name],
                    settings=self.settings(self.student, "darl" if name == "darl objective" else "softmax"),
                    config=parse_distil(taken),
                    graded=graded if "share" in taken else (),
                    valid=valid,
                    seed=seed,
                    resume=made[name].exists(),
                )
                print(f"seed {seed}: {name}", flush=True)
        return {name: folder / "model" for name, folder in made.items()}


def judged(folder: Path, tests: Mapping[str, Sequence[GradedPair]]) -> dict[str, Judged]:
    """What a model tells of each slice, calibrated."""
    model, teller = load_model(folder), Teller.of(folder, ood=False)
    found: dict[str, Judged] = {}
    for name, graded in tests.items():
        pairs = [one.pair for one in graded]
        said = model.predict(pairs)
        found[name] = with_decisions(judge(graded, said), teller.tell(model, pairs, said).decisions)
    return found


def rates(folders: Mapping[str, Path], graded: Sequence[GradedPair]) -> dict[str, list[float]]:
    """Pairs a second of each, round after round, one after the other in each round."""
    pairs = [one.pair for one in graded]
    models = {name: load_model(folder) for name, folder in folders.items()}
    found: dict[str, list[float]] = {name: [] for name in models}
    for round_ in range(ROUNDS + 1):
        for name, model in models.items():
            began = time.perf_counter()
            model.predict(pairs)
            if round_:  # the first warms up
                found[name].append(len(pairs) / (time.perf_counter() - began))
    return found


def page(runs: Runs, metrics: Mapping[str, Metric], corpus: InsuranceCorpus) -> Iterator[str]:
    """A table a metric: values, and differences to `direct`."""
    estimates = {
        part: estimate_slice(
            {name: seeds[part] for name, seeds in runs.items()},
            corpus.grade_scale,
            [metrics[name] for name in METRICS],
            np.random.default_rng(0),
            RESAMPLES,
            over_seeds=True,
        )
        for part in SLICES
    }
    for metric in METRICS:
        rows = [
            [name, *(told(estimates[part][name][metric], estimates[part][DIRECT][metric]) for part in SLICES)]
            for name in runs
        ]
        yield f"\n### {metrics[metric].title}\n\n{table(['model', *SLICES], rows)}"


def told(own: Estimate, direct: Estimate) -> str:
    """A value and its difference to `direct`, bold where that leaves out 0."""
    if own is direct:
        return number(own.value)
    less = own.minus(direct)
    low, high, _ = less.interval(LEVEL)
    return f"{number(own.value)}<br>{bold_where_clear(less.value, low, high)}"


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--teacher", choices=sorted(FITTED), default="smollm2-135m")
    parser.add_argument("--student", choices=sorted(FITTED), default="minilm-l6")
    parser.add_argument(
        "--only", action="append", choices=list(STUDENTS), help="This student; again for more."
    )
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--pool", type=int, default=2000)
    parser.add_argument("--test", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    corpus = InsuranceCorpus(train=options.train, pool=options.pool, test=options.test)
    ways = tuple(options.only or STUDENTS)
    bench = Bench(corpus, options.teacher, options.student, ways, options.work)
    tests = {name: corpus.load(name) for name in SLICES}
    runs: Runs = {name: {part: [] for part in SLICES} for name in bench.rivals}
    for seed in range(options.seeds):
        folders = bench.folders(seed)
        for name, folder in folders.items():
            for part, said in judged(folder, tests).items():
                runs[name][part].append(said)
    speed = rates({name: folders[name] for name in (TEACHER, ways[0])}, tests["in_dist"])
    ratios = np.divide(speed[ways[0]], speed[TEACHER])
    lines = [machine_words(environment()), "", f"{options.teacher} to {options.student}: "]
    lines[-1] += f"{np.median(speed[TEACHER]):,.0f} and {np.median(speed[ways[0]]):,.0f} pairs a second, "
    lines[-1] += (
        f"{np.median(ratios):.1f} times ({ratios.min():.1f} to {ratios.max():.1f} in {ROUNDS} rounds)"
    )
    text = "\n".join([*lines, *page(runs, metrics_for(corpus.grade_scale), corpus)])
    write_text(options.work / "page.md", text + "\n")
    write_text(options.work / "speed.json", json.dumps(speed) + "\n")
    print(text)


if __name__ == "__main__":
    main()
