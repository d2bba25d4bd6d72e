"""Choosing from a pool with a model that is there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from darl.data.splits import split_by_query
from darl.data.writers import field_names, pair_row
from darl.errors import CheckpointError, ConfigError
from darl.models.base import RelevanceModel
from darl.models.reference import REFERENCE, Reference, take_reference
from darl.pairs import GradedPair, Pair
from darl.pipeline.dasa import find_candidates, select
from darl.pipeline.overrides import faults_of
from darl.pipeline.stage import RoundConfig
from darl.progress import SILENT, Progress


def read_reference(folder: Path) -> Reference:
    """The reference that is kept with a model.

    Raises:
        CheckpointError: The model was saved without one.
    """
    if not (folder / REFERENCE).is_file():
        raise CheckpointError(
            f"{folder}: has no {REFERENCE}, so nothing says what it was trained on: give graded training "
            "pairs (--train FILE)"
        )
    return Reference.load(folder / REFERENCE)


def make_reference(
    model: RelevanceModel, graded: Sequence[GradedPair], round_: RoundConfig, *, seed: int, progress: Progress
) -> Reference:
    """A reference from graded pairs: four fifths of the queries to fit on, one to say what is usual.

    Give pairs the model was not trained on where there are some: on tuned features, those it was trained on
    look more usual than they are.
    """
    parts = split_by_query(graded, {"fit": 0.8, "held_out": 0.2}, np.random.default_rng(seed))
    return take_reference(
        model,
        parts["fit"],
        parts["held_out"],
        views=(round_.features,),
        rng=np.random.default_rng(seed),
        progress=progress,
    )


def selected_rows(
    model: RelevanceModel,
    reference: Reference,
    pairs: Sequence[Pair],
    round_: RoundConfig,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Iterator[dict[str, Any]]:
    """The pool pairs worth a label, most wanted first, with why: a row each.

    Each row has the pair's texts and ids, `rank` (from 1), `pool_row` (from 0), `ood_score`,
    `ood_percentile` (share of held-out in-distribution pairs that are less unusual, 0 to 100), the
    predicted `predicted_grade` and its `confidence`.

    Args:
        model: Grades the pool.
        reference: What the detector is fitted on.
        pairs: The pool.
        round_: Detector, strategy and budget.
        seed: Of the strategy's draws.
        progress: Told how far it is.
    """
    candidates = find_candidates(model, reference, pairs, round_, progress=progress)
    predictions = candidates.predictions
    fields = field_names(pairs)
    usual = np.sort(candidates.in_dist_scores)
    for rank, row in enumerate(select(candidates, round_, np.random.default_rng(seed)), start=1):
        score = float(candidates.ood_scores[row])
        yield {
            **pair_row(pairs[row], fields),
            "rank": rank,
            "pool_row": int(row),
            "ood_score": score,
            "ood_percentile": 100.0 * float(np.searchsorted(usual, score)) / len(usual),
            "predicted_grade": model.grade_scale.name(int(predictions.grades[row])),
            "confidence": float(predictions.confidence[row]),
        }


def parse_round(raw: dict[str, Any]) -> RoundConfig:
    """A round's settings.

    Raises:
        ConfigError: With every fault found.
    """
    try:
        return RoundConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("selection", faults_of(error)) from error
