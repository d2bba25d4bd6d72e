"""A graded pool without a model: what it would have said, as shards, and as a model that says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darl.grades import GradeScale
from darl.models.base import TUNED
from darl.models.reference import Reference
from darl.pairs import Pair
from darl.pipeline.graded import GradedPool
from darl.pipeline.predict_plan import Origin, Plan
from darl.pipeline.shards import ShardForm, shard_path
from darl.pipeline.told import Told
from darl.predictions import Decisions, Predictions

SCALE = GradeScale()
FORM = ShardForm(SCALE, ("brand",), features=True)
WIDTH = 6


def made_predictions(n: int, seed: int) -> Predictions:
    """What a model says of n pairs: features around a few centres, as a file keeps them."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(7, WIDTH))
    features = centres[rng.integers(0, 4 if seed else 7, n)] + 0.3 * rng.normal(size=(n, WIDTH))
    logits = (features @ np.random.default_rng(98).normal(size=(WIDTH, 3))).astype(np.float32)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(logits, probs, features.astype(np.float16))


def made_pairs(n: int) -> list[Pair]:
    """n pairs, five a query; the first has a brand and some have none."""
    return [
        Pair(f"q{row // 5}", f"query {row // 5} ü", f"i{row}", f"item {row}", "d" * (row % 2), brand(row))
        for row in range(n)
    ]


def brand(row: int) -> tuple[tuple[str, str], ...]:
    return (("brand", f"b{row % 3}"),) if row % 3 == 0 else ()


def made_reference() -> Reference:
    fit, held_out = made_predictions(40, seed=1), made_predictions(30, seed=2)
    return Reference(
        {TUNED: fit}, tuple(made_pairs(40)), fit.grades, {TUNED: held_out}, tuple(made_pairs(30))
    )


@dataclass(frozen=True)
class Says:
    """A model that has one answer."""

    predictions: Predictions
    grade_scale: GradeScale = SCALE

    def predict(self, pairs, *, progress=None):
        return self.predictions[: len(pairs)]


def made_pool(folder: Path, n: int, size: int) -> GradedPool:
    """The first n pairs as a folder of shards."""
    pairs, predictions = made_pairs(n), made_predictions(n, seed=0)
    origin = Origin(files=(), model="made", uncalibrated="made", shard_size=size, features=True)
    plan = Plan(origin=origin, pairs=n, bad_rows=0)
    folder.mkdir()
    plan.begin(folder)
    for number in range(plan.shards):
        rows = slice(number * size, number * size + plan.size_of(number))
        said = predictions[rows]
        FORM.write(shard_path(folder, number), pairs[rows], said, Told(Decisions.of(said)))
    return GradedPool.of(folder, plan, FORM)
