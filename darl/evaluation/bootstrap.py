"""Estimates under resamples of queries.

The pairs of a query are not independent: they share its text and its difficulty. So queries, not pairs,
are drawn with replacement. Every model and seed sees the same draws, which makes differences paired;
within a draw the seeds are averaged. The intervals therefore say how far a value would move with other
queries, not with other seeds: those are shown beside them. Where that is asked for, seeds are drawn with
replacement too, the same for every model, and an interval is of other queries and other seeds; with few
seeds it is too narrow, as the mean of S drawn ones varies by (S - 1) / S of what that of new ones would.

Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16; for paired
comparison of rankers, Sakai, Evaluating evaluation metrics based on the bootstrap, SIGIR 2006.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat

import numpy as np

from darl.errors import ConfigError
from darl.evaluation.estimate import Estimate
from darl.evaluation.judged import Judged, check_comparable
from darl.evaluation.metric import Metric
from darl.grades import GradeScale
from darl.predictions import FloatArray

# Wide enough for matrix products, narrow enough that a running total over the pairs stays in cache.
CHUNK = 32

#: model -> metric name -> estimate, for one slice.
SliceEstimates = dict[str, dict[str, Estimate]]


def query_counts(n_queries: int, resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """How often each of Q queries is drawn in each resample, a few resamples at a time.

    Args:
        n_queries: Q, at least 1.
        resamples: R.
        rng: Draws the queries.

    Yields:
        (Q, r) counts, r <= 32; the columns of all of them are the R resamples, each adding up to Q.
    """
    for start in range(0, resamples, CHUNK):
        r = min(CHUNK, resamples - start)
        draws = rng.integers(n_queries, size=(r, n_queries))
        cells = draws * r + np.arange(r)[:, None]
        counts = np.bincount(cells.ravel(), minlength=n_queries * r)
        yield counts.reshape(n_queries, r).astype(np.float64)


class _Prepared:
    """One run, ready for resamples: what its metrics have in common is computed once."""

    def __init__(self, judged: Judged, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self.statistics = {metric.statistic: metric.statistic(judged) for metric in metrics}
        self.values = [metric.value(judged, self.statistics[metric.statistic]) for metric in metrics]

    def resampled(self, counts: FloatArray) -> FloatArray:
        """(n_metrics, r) the value of each metric under r resamples."""
        sums = {key: statistic(counts) for key, statistic in self.statistics.items()}
        return np.stack([metric.from_sums(sums[metric.statistic]) for metric in self.metrics])


def _replicates(
    prepared: Mapping[str, Sequence[_Prepared]],
    chunks: Iterable[FloatArray],
    seed_chunks: Iterable[FloatArray | None],
) -> dict[str, FloatArray]:
    """(n_metrics, R) per model, the mean over its seeds, each as often as it was drawn, or once."""
    parts: dict[str, list[FloatArray]] = {model: [] for model in prepared}
    for counts, drawn in zip(chunks, seed_chunks, strict=False):
        for model, seeds in prepared.items():
            values = np.stack([seed.resampled(counts) for seed in seeds])
            parts[model].append((values if drawn is None else values * drawn[:, None]).mean(axis=0))
    return {model: np.concatenate(part, axis=1) for model, part in parts.items()}


def _estimates(
    judged: Judged, metrics: Iterable[Metric], seeds: Sequence[_Prepared], replicates: FloatArray
) -> dict[str, Estimate]:
    rows = {metric.name: row for row, metric in enumerate(seeds[0].metrics)}
    found = {}
    for metric in metrics:
        if metric.name not in rows:
            nothing = np.full(replicates.shape[1], np.nan)
            found[metric.name] = Estimate(None, (), nothing, metric.n(judged), metric.undefined(judged))
            continue
        values = tuple(seed.values[rows[metric.name]] for seed in seeds)
        reasons = [metric.left_out(judged)]
        if judged.n_queries == 1:
            reasons.append("no interval: a single query cannot be resampled")
        found[metric.name] = Estimate(
            float(np.mean(values)),
            values,
            replicates[rows[metric.name]],
            metric.n(judged),
            "; ".join(filter(None, reasons)),
        )
    return found


def estimate_slice(
    runs: Mapping[str, Sequence[Judged]],
    scale: GradeScale,
    metrics: Sequence[Metric],
    rng: np.random.Generator,
    resamples: int = 1000,
    over_seeds: bool = False,
    seed_rng: np.random.Generator | None = None,
) -> SliceEstimates:
    """Every metric of every model on one slice, all under the same resamples of its queries.

    Args:
        runs: model -> its runs, one per seed. All of them judge the same pairs in the same order.
        scale: The grades.
        metrics: What to compute.
        rng: Draws the queries.
        resamples: R, how many resamples.
        over_seeds: Resample the seeds too; then every model needs as many, in the same order.
        seed_rng: Draws them; slices that are given generators of the same state share the draws, so that
            their differences are of the same seeds. None = one that is spawned from `rng`.

    Returns:
        model -> metric name -> estimate.

    Raises:
        ShapeError: A model has no run, or the runs are not about the same pairs or this scale.
        ConfigError: `resamples` is below 1, or the models have not as many seeds to draw from.
    """
    if resamples < 1:
        raise ConfigError("bootstrap", [f"resamples: expected at least 1, received {resamples}"])
    n_seeds = {model: len(seeds) for model, seeds in runs.items()}
    if over_seeds and len(set(n_seeds.values())) > 1:
        raise ConfigError("bootstrap", [f"seeds: expected as many of every model, received {n_seeds}"])
    for model, seeds in runs.items():
        check_comparable([(f"{model}, seed {i}", judged) for i, judged in enumerate(seeds)], scale)
    check_comparable([(model, seeds[0]) for model, seeds in runs.items()], scale)
    judged = next(iter(runs.values()))[0]
    defined = [metric for metric in metrics if not metric.undefined(judged)]
    prepared = {model: [_Prepared(seed, defined) for seed in seeds] for model, seeds in runs.items()}
    if judged.n_queries > 1 and defined:
        seed_chunks: Iterable[FloatArray | None] = repeat(None)
        if over_seeds:
            drawn_by = rng.spawn(1)[0] if seed_rng is None else seed_rng
            seed_chunks = query_counts(max(n_seeds.values()), resamples, drawn_by)
        replicates = _replicates(prepared, query_counts(judged.n_queries, resamples, rng), seed_chunks)
    else:
        replicates = dict.fromkeys(runs, np.full((len(defined), resamples), np.nan))
    return {model: _estimates(judged, metrics, prepared[model], replicates[model]) for model in runs}
