"""Choosing from a pool that was graded into a folder: read shard after shard, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darl.catalogue import build
from darl.errors import CheckpointError, ConfigError, PoolExhaustedError
from darl.evaluation.coverage import Coverage, coverage
from darl.evaluation.coverage_page import Scene
from darl.models.base import TUNED
from darl.models.reference import Reference
from darl.ood.base import OODDetector
from darl.ood.catalogue import DETECTORS
from darl.pairs import Pair
from darl.pipeline.graded import GradedPool
from darl.pipeline.select import Choice, told_how
from darl.pipeline.shards import Rows
from darl.pipeline.stage import RoundConfig
from darl.predictions import Candidates, FloatArray, Predictions
from darl.progress import SILENT, Progress
from darl.selection.base import SelectionStrategy
from darl.selection.catalogue import STRATEGIES

MOST_AMONG, MOST_BYTES = 1_000_000, 1 << 31
"""Pairs whose features are in memory at a time, and what these may take: the fewer of the two."""

DRAW = 1
"""Keeps the draw of the pairs apart from the strategy's, which are those of a pool that is all there."""


def check_view(folder: Path, round_: RoundConfig) -> None:
    """Refuse a view of the pairs that a graded folder does not hold.

    Raises:
        ConfigError: It is not "tuned".
    """
    if round_.features != TUNED:
        fault = (
            f"{folder} holds features of the view {TUNED} only, received {round_.features}: leave the option "
            "out, or give the pairs themselves, as a file"
        )
        raise ConfigError("--features", [fault])


def choose_graded(
    pool: GradedPool,
    reference: Reference,
    round_: RoundConfig,
    *,
    among: int | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Choice:
    """Choose the pairs of a graded pool that are worth a label; the model does not run.

    Every pair is scored by the detector. A strategy that reads features chooses among `among` pairs, drawn
    from the pool at random, all as likely; where the pool has no more, and for a strategy that reads none,
    among all. Equal seeds draw the same pairs.

    Memory beside the features of those pairs, 2 `among` D bytes (a strategy that wraps another can hold them
    twice), is about 100 bytes for each pair of the pool, and a few thousand rows of a shard.

    Args:
        pool: What the model graded.
        reference: What the detector is fitted on, with the view "tuned".
        round_: Detector, strategy and budget.
        among: At least the budget; None = 1,000,000, or as many as take 2 GiB if these are fewer.
        seed: Of the draws.
        progress: Told how far it is, and how many pairs are left out.

    Raises:
        ConfigError: Another view than "tuned", or `among` is below the budget.
        CheckpointError: The reference has no view "tuned".
        PoolExhaustedError: The budget is larger than the pool.
        DataError: A shard is damaged.
    """
    check_view(pool.folder, round_)
    if TUNED not in reference.fit:
        raise CheckpointError(
            f"reference: expected the view {TUNED}: give graded training pairs (--train FILE)"
        )
    n_drawn = _n_drawn(pool, round_.budget, among)
    detector = build("detector", DETECTORS, round_.detector).fit(reference.fit[TUNED], reference.grades)
    strategy = build("strategy", STRATEGIES, round_.strategy)
    told = _told(strategy, n_drawn, len(pool))
    if told:
        progress.message(f"{pool.folder}: {told}")
    seen = _read(pool, detector, _drawn(len(pool), n_drawn, seed), round_.budget, progress)
    usual = _Usual(detector.score(reference.held_out[TUNED]), reference.fit[TUNED].features)
    rng = np.random.default_rng(seed)
    if strategy.needs_features:
        chosen = seen.rows[strategy.select(seen.candidates(usual), round_.budget, rng)]
    else:
        chosen = strategy.select(seen.without_features(usual), round_.budget, rng)
        seen = seen.with_rows(pool, chosen)
    candidates, selected = seen.candidates(usual), seen.places(chosen)
    found = coverage(candidates, selected, seed=seed)
    scene = Scene(
        candidates,
        selected,
        _texts(pool, seen, selected, found),
        reference.pairs,
        reference.grades,
        pool.form.scale.names,
        len(pool) if told else None,
    )
    how = told_how(round_, f"{len(pool):,} pool pairs" + (f", {told}" if told else ""), reference, seed)
    return Choice(scene, found, how, seen.rows, pool.form.fields)


def _n_drawn(pool: GradedPool, budget: int, among: int | None) -> int:
    """How many pairs' features are to be kept."""
    if budget > len(pool):
        raise PoolExhaustedError(
            f"expected to choose at most the {len(pool):,} pairs of the pool, received {budget:,}"
        )
    if among is None:
        among = max(budget, min(MOST_AMONG, MOST_BYTES // (2 * pool.width)))
    if among < budget:
        raise ConfigError("--among", [f"expected at least the {budget:,} to choose, received {among:,}"])
    return min(among, len(pool))


def _drawn(n: int, n_drawn: int, seed: int) -> Rows:
    """(n_drawn,) rising rows of n, all as likely."""
    if n_drawn == n:
        return np.arange(n)
    rng = np.random.default_rng([seed, DRAW])
    return np.sort(rng.choice(n, n_drawn, replace=False, shuffle=False))


def _told(strategy: SelectionStrategy, n_drawn: int, n: int) -> str:
    """What became of pairs whose features are not kept; "" where there are none."""
    if n_drawn == n:
        return ""
    if strategy.needs_features:
        return f"chosen among {n_drawn:,} drawn at random, {n - n_drawn:,} left out (--among)"
    return f"chosen among all; clusters and map of {n_drawn:,} drawn at random (--among)"


@dataclass(frozen=True)
class _Usual:
    """What a pool is set against: (M,) ood_scores of held-out pairs, (L, D) features of training pairs."""

    in_dist_scores: FloatArray
    known: FloatArray


@dataclass(frozen=True)
class _Seen:
    """What one reading of N pairs leaves in memory.

    Attributes:
        predictions: Of all, with features of width 0.
        ood_scores: (N,)
        queries: (N,) a number for the query of each.
        rows: (S,) whose features are kept.
        kept: (S or more, D) these features, and room for more.
    """

    predictions: Predictions
    ood_scores: npt.NDArray[np.float64]
    queries: npt.NDArray[np.int64]
    rows: Rows
    kept: npt.NDArray[np.float16]

    def candidates(self, usual: _Usual) -> Candidates:
        """The pairs whose features are kept."""
        predictions = self.predictions[self.rows].with_features(self.kept[: len(self.rows)])
        scores, queries = self.ood_scores[self.rows], self.queries[self.rows]
        return Candidates(predictions, scores, usual.in_dist_scores, queries, usual.known)

    def without_features(self, usual: _Usual) -> Candidates:
        """All pairs, as strategies see them that read no features."""
        known = np.empty((len(usual.known), 0))
        return Candidates(self.predictions, self.ood_scores, usual.in_dist_scores, self.queries, known)

    def with_rows(self, pool: GradedPool, rows: Rows) -> _Seen:
        """The same with the features of further rows, for which there is room."""
        new = np.setdiff1d(rows, self.rows)
        self.kept[len(self.rows) : len(self.rows) + len(new)] = pool.features(new)
        return replace(self, rows=np.concatenate([self.rows, new]))

    def places(self, rows: Rows) -> Rows:
        """Where rows of the pool stand among those that are kept."""
        order = np.argsort(self.rows, kind="stable")
        return order[np.searchsorted(self.rows, rows, sorter=order)]


def _read(pool: GradedPool, detector: OODDetector, rows: Rows, room: int, progress: Progress) -> _Seen:
    n, names = len(pool), pool.form.scale.names
    probs, scores = np.empty((n, len(names)), np.float32), np.empty(n)
    queries = np.empty(n, np.int64)
    kept = np.empty((len(rows) + room, pool.width), np.float16)
    logits: list[FloatArray] = []
    for part in pool.parts(progress):
        here = slice(part.start, part.start + len(part.queries))
        scores[here] = detector.score(part.predictions)
        probs[here], queries[here] = part.predictions.grade_probs, part.queries
        logits.append(part.predictions.logits.copy())
        inside = slice(*np.searchsorted(rows, [here.start, here.stop]))
        kept[inside] = part.predictions.features[rows[inside] - part.start]
        del part
    bare = Predictions(np.concatenate(logits), probs, np.empty((n, 0), np.float16))
    return _Seen(bare, scores, queries, rows, kept)


def _texts(pool: GradedPool, seen: _Seen, selected: Rows, found: Coverage) -> dict[int, Pair]:
    """The pairs that are shown, by their place: what was selected, and examples of clusters."""
    examples = [place for cluster in found.clusters for place in cluster.examples]
    rows = np.unique(seen.rows[np.concatenate([selected, np.array(examples, np.int64)])])
    return dict(zip(seen.places(rows).tolist(), pool.pairs(rows), strict=True))
