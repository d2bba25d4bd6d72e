"""Distribution-aware sample augmentation, one round: predict, detect, select, annotate.

Our reading of DASA (Liu et al. 2024, arXiv 2412.12504): out-of-distribution detection picks, from unlabelled
traffic, what the training set does not cover; it is annotated and added.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from darl.annotation.catalogue import make_annotator
from darl.catalogue import build
from darl.data.pool import Pool
from darl.errors import PoolExhaustedError
from darl.files import whole_file, write_text
from darl.grades import GradeScale
from darl.models.base import RelevanceModel, predict_with, seen_in
from darl.models.reference import Reference, take_reference
from darl.ood.catalogue import DETECTORS
from darl.pairs import Pair
from darl.pipeline.data import Splits
from darl.pipeline.gauge import OOD_PERCENTILE
from darl.pipeline.stage import RoundConfig
from darl.predictions import Candidates, FloatArray, Predictions
from darl.progress import SILENT, Progress
from darl.selection.catalogue import STRATEGIES

FOUND = "candidates.safetensors"
LABELS = "labels.jsonl"
POOL, VALID = "pool.safetensors", "valid.safetensors"


def find_candidates(
    model: RelevanceModel,
    reference: Reference,
    pairs: Sequence[Pair],
    round_: RoundConfig,
    *,
    progress: Progress = SILENT,
) -> Candidates:
    """Say of each pool pair how far it is from what the model was trained on.

    Args:
        model: The model so far.
        reference: Its view of its training pairs and of held-out ones, with the round's features.
        pairs: The ungraded pool.
        round_: Which detector, on which features.
        progress: Told how far it is.
    """
    view, alike = round_.features, round_.features.alike
    reference = reference.in_view(view, model, progress).in_view(alike, model, progress)
    detector = build("detector", DETECTORS, round_.detector)
    detector = detector.fit(reference.fit[view], reference.grades)
    predictions = predict_with(model, pairs, view, progress=progress)
    return Candidates(
        predictions if view == alike else seen_in(alike, model, pairs, predictions, progress),
        detector.score(predictions),
        detector.score(reference.held_out[view]),
        np.asarray([pair.query_id for pair in pairs], dtype=np.str_),
        reference.fit[alike].features,
    )


def select(candidates: Candidates, round_: RoundConfig, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(budget,) indices of the candidates that are worth a label, most wanted first."""
    strategy = build("strategy", STRATEGIES, round_.strategy)
    return strategy.select(candidates, round_.budget, rng)


class Round(NamedTuple):
    """What a round saw and chose: indices and scores over the pool that was ungraded before it."""

    ood_scores: npt.NDArray[np.float64]
    in_dist_scores: npt.NDArray[np.float64]
    selected: npt.NDArray[np.int64]
    grades: npt.NDArray[np.int64]


class Seen(NamedTuple):
    """What a model sees before a round.

    Attributes:
        candidates: The ungraded pool.
        valid: What it says of the validation pairs.
    """

    candidates: Candidates
    valid: Predictions


class LastView:
    """What a round saw, until another round sees something else: memory holds one pool more."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Seen] = {}

    def of(self, key: Hashable, look: Callable[[], Seen]) -> Seen:
        """What was seen under that key, or what is seen now."""
        if key not in self._kept:
            self._kept = {key: look()}
        return self._kept[key]


def look_at_pool(
    model: RelevanceModel,
    splits: Splits,
    pool: Pool,
    round_: RoundConfig,
    *,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> Seen:
    """Predict and detect: what the ungraded pool looks like to the model so far."""
    reference = take_reference(
        model,
        splits.train + pool.graded,
        splits.valid,
        views=(round_.features,),
        rng=rng,
        progress=progress,
    )
    pairs = [pool.pairs[index] for index in pool.ungraded]
    candidates = find_candidates(model, reference, pairs, round_, progress=progress)
    return Seen(candidates, reference.held_out[round_.features])


def choose_for_round(seen: Seen, round_: RoundConfig, *, folder: Path, rng: np.random.Generator) -> None:
    """Select; what was seen and chosen is kept in `folder`.

    Of several rounds, also what the model says of the pool and of the validation pairs: when more grades are
    known, that says how good it was.

    Raises:
        PoolExhaustedError: The budget is larger than what is left of the pool.
    """
    candidates = seen.candidates
    if round_.budget > len(candidates):
        raise PoolExhaustedError(
            f"budget: expected at most the {len(candidates)} ungraded pool pairs, received {round_.budget}"
        )
    if round_.rounds > 1:
        keep_predictions(candidates.predictions, folder / POOL)
        keep_predictions(seen.valid, folder / VALID)
    with whole_file(folder / FOUND) as temporary:
        save_file(
            {
                "ood_scores": candidates.ood_scores,
                "in_dist_scores": candidates.in_dist_scores,
                "selected": select(candidates, round_, rng),
            },
            temporary,
        )


def annotate_round(
    pool: Pool, round_: RoundConfig, gold: Mapping[Pair, int], grade_names: GradeScale, *, folder: Path
) -> None:
    """Have what was chosen graded; the labels are kept in `folder`.

    Raises:
        AnnotationPending: People have to grade a file first.
        DataError: What came back from people, or the oracle's gold, does not cover what was chosen.
    """
    chosen = pool.ungraded[load_file(folder / FOUND)["selected"]]
    pairs = [pool.pairs[index] for index in chosen]
    annotator = make_annotator(round_.annotator, gold=gold, path=folder / "to_grade.csv", scale=grade_names)
    grades = annotator.annotate(pairs)
    lines = [
        json.dumps(
            {"index": int(index), "query_id": pair.query_id, "item_id": pair.item_id, "grade": int(grade)}
        )
        for index, pair, grade in zip(chosen, pairs, grades, strict=True)
    ]
    write_text(folder / LABELS, "".join(line + "\n" for line in lines))


def read_round(folder: Path) -> Round:
    """What a finished round saw, chose and was told."""
    found = load_file(folder / FOUND)
    grades = [
        json.loads(line)["grade"] for line in (folder / LABELS).read_text(encoding="utf-8").splitlines()
    ]
    return Round(
        found["ood_scores"], found["in_dist_scores"], found["selected"], np.asarray(grades, np.int64)
    )


def keep_predictions(predictions: Predictions, path: Path, ood_percentiles: FloatArray | None = None) -> None:
    """Write what a model says, without its features: they are many, and what reads these files needs none."""
    arrays = predictions.with_features(predictions.features[:, :0]).arrays()
    if ood_percentiles is not None:
        arrays[OOD_PERCENTILE] = ood_percentiles
    with whole_file(path) as temporary:
        save_file(arrays, temporary)


def read_predictions(path: Path) -> Predictions:
    """What `keep_predictions` wrote."""
    return Predictions.from_arrays(load_file(path))


def read_percentiles(path: Path) -> FloatArray | None:
    """(N,) how unusual the same pairs are, if `keep_predictions` was told."""
    return load_file(path).get(OOD_PERCENTILE)
