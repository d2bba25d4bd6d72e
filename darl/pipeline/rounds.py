"""Several rounds in one stage: where each is kept, what its labels brought, and whether the next is worth it.

stages/seed-N/2-NAME-DIGEST/rounds/1/     as a stage with one round (see run_dir.py)
    round/pool.safetensors                what the model before the round says of the pool that was left
    round/valid.safetensors               and of the validation pairs
    valid.safetensors                     what the model after the round says of the validation pairs
    outlook.json                          the learning curves so far, and whether the rounds end here
stages/seed-N/2-NAME-DIGEST/model/        the model after the last round
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darl.data.pool import Pool
from darl.evaluation.judged import Judged, judge
from darl.evaluation.learning_curve import FRESH, VALID, Ahead, learning_curve
from darl.evaluation.metrics import metrics_for
from darl.evaluation.outlook import Outlook
from darl.evaluation.summary import HEADLINE
from darl.files import write_text
from darl.grades import GradeScale
from darl.pairs import GradedPair
from darl.pipeline import dasa
from darl.pipeline.data import Splits
from darl.pipeline.experiment import ReportConfig
from darl.pipeline.stage import RoundConfig, Stage

OUTLOOK = "outlook.json"
# More than any interval can tell apart, and hides how a machine orders its sums.
DECIMALS = 6


def round_folder(folder: Path, number: int) -> Path:
    """The folder of one of several rounds, from 1, of the stage in `folder`."""
    return folder / "rounds" / str(number)


def rounds_of(folder: Path, stage: Stage) -> int:
    """How many rounds a stage has: those of its config, unless its rule ended them earlier."""
    for number in range(1, stage.rounds + 1):
        path = round_folder(folder, number) / OUTLOOK
        if path.exists() and read_outlook(path).stop:
            return number
    return stage.rounds


def read_outlook(path: Path) -> Outlook:
    """What `write_outlook` wrote."""
    return Outlook.from_dict(json.loads(path.read_text(encoding="utf-8")))


def write_outlook(outlook: Outlook, path: Path) -> None:
    """Keep it, whole or not at all."""
    write_text(path, json.dumps(_rounded(outlook.as_dict()), indent=1, allow_nan=False) + "\n")


def look(
    folder: Path,
    round_: RoundConfig,
    pools: Sequence[Pool],
    splits: Splits,
    scale: GradeScale,
    *,
    seed: Sequence[int],
    report: ReportConfig,
) -> Outlook:
    """What the rounds of a stage have brought so far, and whether its stop rule ends them.

    Args:
        folder: The stage's.
        round_: How its rounds are.
        pools: The pool before each round that is done, and as it is now.
        splits: All pairs.
        scale: The grades.
        seed: Of the resamples.
        report: How many there are, and the level of the intervals.
    """
    number, rule = len(pools) - 1, round_.stop
    runs = {
        VALID: _on_valid(folder, pools, splits.valid),
        FRESH: _on_fresh(folder, pools),
    }
    metrics = metrics_for(scale)
    curves = tuple(
        learning_curve(
            by_labels,
            metrics[name],
            scale,
            np.random.default_rng([*seed, stream]),
            ahead=Ahead(
                max(len(splits.train), 1),
                len(pools[-1].grading),
                round_.budget,
                rule.min_gain if rule and rule.metric == name else None,
            ),
            data=data,
            resamples=report.resamples,
            level=report.level,
        )
        for name in dict.fromkeys([HEADLINE, *([rule.metric] if rule else [])])
        for stream, (data, by_labels) in enumerate(runs.items(), start=1)
    )
    stop, reason = False, ""
    if rule is not None and number < round_.rounds:
        stop, reason = rule.decide(curves, round_.budget)
    return Outlook(number, round_.rounds, len(pools[-1].grading), round_.budget, curves, stop, reason)


def _on_valid(folder: Path, pools: Sequence[Pool], valid: Sequence[GradedPair]) -> dict[int, Judged]:
    """What the model before the first round and after each says of the validation pairs."""
    paths = [round_folder(folder, 1) / "round" / dasa.VALID]
    paths += [round_folder(folder, number) / dasa.VALID for number in range(1, len(pools))]
    return {
        len(pool.grading): judge(valid, dasa.read_predictions(path))
        for pool, path in zip(pools, paths, strict=True)
    }


def _on_fresh(folder: Path, pools: Sequence[Pool]) -> dict[int, Judged]:
    """What the model before each round said of the pairs graded last, which it had not learnt from."""
    fresh = pools[-1].grading[len(pools[-2].grading) :]
    graded, indices = pools[-1].graded[-len(fresh) :], [index for index, _ in fresh]
    return {
        len(pool.grading): judge(
            graded,
            dasa.read_predictions(round_folder(folder, number) / "round" / dasa.POOL)[
                np.searchsorted(pool.ungraded, indices)
            ],
        )
        for number, pool in enumerate(pools[:-1], start=1)
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
