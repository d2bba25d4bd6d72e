"""Choosing from a pool with a model that is there already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darl.data.splits import check_no_leak, split_by_query
from darl.data.writers import field_names, pair_row
from darl.errors import CheckpointError, PoolExhaustedError
from darl.evaluation.coverage import Coverage, coverage
from darl.evaluation.coverage_page import Scene, html, summary
from darl.models.base import TUNED, RelevanceModel
from darl.models.reference import REFERENCE, Reference, take_reference
from darl.pairs import GradedPair, Pair
from darl.pipeline.dasa import find_candidates, select
from darl.pipeline.overrides import checked
from darl.pipeline.stage import RoundConfig
from darl.predictions import IntArray
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
    model: RelevanceModel,
    graded: Sequence[GradedPair],
    round_: RoundConfig,
    *,
    held_out: Sequence[GradedPair] = (),
    seed: int,
    progress: Progress,
) -> Reference:
    """A reference from graded pairs.

    Args:
        model: The model.
        graded: What it was trained on.
        round_: Says what the detector reads.
        held_out: In-distribution pairs that it was not trained on, which say what is usual; () = a fifth of
            the queries of `graded`. On features after fine-tuning, new pairs look more unusual than they are
            beside those that were learnt.
        seed: Of the draw.
        progress: Told how far it is.

    Raises:
        DataError: A query stands in both.
    """
    if held_out:
        check_no_leak({"train": [one.pair for one in graded], "valid": [one.pair for one in held_out]})
    else:
        parts = split_by_query(graded, {"fit": 0.8, "held_out": 0.2}, np.random.default_rng(seed))
        graded, held_out = parts["fit"], parts["held_out"]
        if round_.features.weights == TUNED.weights:
            progress.message(
                "a fifth of --train says what is usual: if the model was trained on it, all else looks more "
                "unusual than it is; give held-out pairs (--valid FILE), or take --features frozen"
            )
    return take_reference(
        model,
        graded,
        held_out,
        views=(round_.features,),
        rng=np.random.default_rng(seed),
        progress=progress,
    )


@dataclass(frozen=True)
class Choice:
    """What was selected from a pool, and why.

    Attributes:
        scene: The pool, or what is shown of it, the training pairs and the selection.
        coverage: What the training pairs cover of it.
        how: One line on how it was selected.
        pool_rows: Which row of the pool, from 0, each pair of the scene is.
        fields: The extra item fields of a row.
    """

    scene: Scene
    coverage: Coverage
    how: str
    pool_rows: IntArray
    fields: Sequence[str]

    def rows(self) -> Iterator[dict[str, Any]]:
        """The pairs worth a label, most wanted first, with why: a row each.

        Each row has the pair's texts and ids, `rank` (from 1), `pool_row` (from 0), `ood_score`,
        `ood_percentile` (share of held-out in-distribution pairs that are less unusual, 0 to 100), the
        `predicted_grade` and its `confidence`, the `cluster` of the pool (from 1, the least covered first),
        and the training pair it is most like: `nearest_query`, `nearest_item`, `nearest_grade` and
        `nearest_distance` (1 - cosine of the features).
        """
        scene, names = self.scene, self.scene.grade_names
        chosen = scene.candidates.predictions[scene.selected]
        grades, confidence = chosen.grades.tolist(), chosen.confidence.tolist()
        for rank, row in enumerate(scene.selected.tolist()):
            near = int(self.coverage.nearest[rank])
            yield {
                **pair_row(scene.pool[row], self.fields),
                "rank": rank + 1,
                "pool_row": int(self.pool_rows[row]),
                "ood_score": float(scene.candidates.ood_scores[row]),
                "ood_percentile": float(self.coverage.percentiles[row]),
                "predicted_grade": names[grades[rank]],
                "confidence": confidence[rank],
                "cluster": int(self.coverage.cluster_of[row]) + 1,
                "nearest_query": scene.known[near].query,
                "nearest_item": scene.known[near].item,
                "nearest_grade": names[int(scene.known_grades[near])],
                "nearest_distance": float(self.coverage.distances[rank]),
            }

    def summary(self) -> list[str]:
        """How much of the pool, and of what was selected, is unusual: a sentence each."""
        return summary(self.coverage, self.scene)

    def page(self) -> str:
        """The same as an HTML page, with a map, and the pool by cluster."""
        return html(self.coverage, self.scene, self.how)


def choose(
    model: RelevanceModel,
    reference: Reference,
    pairs: Sequence[Pair],
    round_: RoundConfig,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Choice:
    """Choose the pool pairs that are worth a label.

    Args:
        model: Grades the pool.
        reference: What the detector is fitted on.
        pairs: The pool.
        round_: Detector, strategy and budget.
        seed: Of the strategy's draws.
        progress: Told how far it is.

    Raises:
        PoolExhaustedError: The budget is larger than the pool.
    """
    if round_.budget > len(pairs):
        raise PoolExhaustedError(
            f"expected to choose at most the {len(pairs):,} pairs of the pool, received {round_.budget:,}"
        )
    candidates = find_candidates(model, reference, pairs, round_, progress=progress)
    selected = select(candidates, round_, np.random.default_rng(seed))
    names = model.grade_scale.names
    scene = Scene(candidates, selected, pairs, reference.pairs, reference.grades, names)
    how = told_how(round_, f"{len(pairs):,} pool pairs", reference, seed)
    found = coverage(candidates, selected, seed=seed)
    return Choice(scene, found, how, np.arange(len(pairs)), field_names(pairs))


def told_how(round_: RoundConfig, pool: str, reference: Reference, seed: int) -> str:
    """One line on how pairs of a pool, such as "9 pool pairs", were selected."""
    return (
        f"{round_.budget:,} of {pool}; strategy {round_.strategy}; detector {round_.detector} on "
        f"{round_.features} features; {len(reference.pairs):,} training pairs; seed {seed}"
    )


def parse_round(raw: dict[str, Any]) -> RoundConfig:
    """A round's settings.

    Raises:
        ConfigError: With every fault found.
    """
    return checked(RoundConfig, raw, "selection")
