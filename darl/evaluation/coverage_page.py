"""A coverage as one HTML page: where the training set ends, what was selected, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from darl.evaluation.coverage import USUAL, Coverage
from darl.evaluation.numerals import count, percent
from darl.evaluation.page import Key, environment, ramps
from darl.evaluation.plots import Plot
from darl.evaluation.svg import add_axes, colour, draw, grade_colour, steps
from darl.pairs import Pair
from darl.predictions import Candidates, FloatArray, IntArray
from darl.vectors import unit

MAP_KNOWN, MAP_POOL, MAP_SELECTED = 700, 1200, 500
"""Points of the map: more take minutes to lay out and cannot be told apart."""

BINS = 40
MAP_HEIGHT = 340
FARTHEST = 0.995
"""Bins end at this quantile of the pool; the last holds what is beyond."""

TRAINING = "model-3"
"""Colour of what is in distribution: no grade has it."""

PERPLEXITY, COMPONENTS, FEWEST = 30.0, 30, 5


class Example(NamedTuple):
    """A pair as the page shows it; `place` is its percentile, or its distance."""

    query: str
    item: str
    grade: str
    place: str


class Row(NamedTuple):
    """A cluster as the page shows it."""

    number: int
    size: str
    selected: str
    uncovered: str
    percentile: str
    grades: str
    examples: list[Example]


class Chosen(NamedTuple):
    """A selected pair as the page shows it, beside the training pair it is most like."""

    rank: int
    own: Example
    cluster: int
    nearest: Example | None


@dataclass(frozen=True)
class Scene:
    """What a page is about.

    Attributes:
        candidates: The N pool pairs and the L training pairs, as the detector saw them.
        selected: (n,) places of the selected pairs, most wanted first.
        pool: The N pairs; those that are selected or an example will do.
        known: The L training pairs.
        known_grades: (L,) their grades.
        grade_names: K names.
        drawn_from: Pairs of the whole pool, where the N were drawn from a larger one; None = these are all.
    """

    candidates: Candidates
    selected: IntArray
    pool: Sequence[Pair] | Mapping[int, Pair]
    known: Sequence[Pair]
    known_grades: IntArray
    grade_names: Sequence[str]
    drawn_from: int | None = None

    @cached_property
    def grades(self) -> IntArray:
        """(N,) most probable grade of each pool pair."""
        return self.candidates.predictions.grades


def html(coverage: Coverage, scene: Scene, how: str) -> str:
    """The page: no script, nothing loaded from elsewhere.

    Args:
        coverage: What to show.
        scene: What it is of.
        how: One line that says how the pairs were selected.
    """
    return (
        environment()
        .get_template("coverage.html.j2")
        .render(
            how=how,
            summary=summary(coverage, scene),
            plots=[map_plot(scene), histogram(scene.candidates, scene.selected)],
            legend=_legend(scene.grade_names),
            clusters=[_row(coverage, scene, number) for number in range(len(coverage.clusters))],
            chosen=[_chosen(coverage, scene, rank) for rank in range(len(scene.selected))],
            usual=f"{USUAL:g}",
            ramps=ramps(len(scene.grade_names)),
        )
    )


def summary(coverage: Coverage, scene: Scene) -> list[str]:
    """What the page says in words."""
    beyond = coverage.percentiles > USUAL
    taken = beyond[scene.selected]
    queries = scene.candidates.query_ids
    pool = f"the {count(len(beyond))} pool pairs"
    if scene.drawn_from is not None:
        pool = f"{count(len(beyond))} pairs drawn from the pool's {count(scene.drawn_from)}"
    return [
        f"{percent(float(beyond.mean()))} of {pool} are more unusual than "
        f"{USUAL:g} of 100 in-distribution pairs that the model was not trained on (without a shift, "
        f"{percent(_usual_share(len(scene.candidates.in_dist_scores)))} would be).",
        f"{percent(float(taken.mean()) if len(taken) else 0.0)} of the {count(len(taken))} selected pairs "
        f"are; they are of {count(len(np.unique(queries[scene.selected])))} queries and "
        f"{count(sum(cluster.selected > 0 for cluster in coverage.clusters))} of "
        f"{count(len(coverage.clusters))} clusters.",
    ]


def _usual_share(n_held_out: int) -> float:
    """How much of a pool like the n held-out pairs is above the percentile: all n + 1 places are as likely.

    >>> _usual_share(1000).__round__(3), _usual_share(10).__round__(3)
    (0.05, 0.091)
    """
    return (n_held_out - int(n_held_out * USUAL / 100)) / (n_held_out + 1)


def _example(coverage: Coverage, scene: Scene, row: int) -> Example:
    pair, grade = scene.pool[row], scene.grades[row]
    return Example(pair.query, pair.item, scene.grade_names[grade], f"{coverage.percentiles[row]:.0f}")


def _row(coverage: Coverage, scene: Scene, number: int) -> Row:
    cluster = coverage.clusters[number]
    shares = np.bincount(scene.grades[cluster.rows], minlength=len(scene.grade_names))
    mix = zip(scene.grade_names, shares / len(cluster.rows), strict=True)
    return Row(
        number + 1,
        count(len(cluster.rows)),
        count(cluster.selected),
        percent(cluster.uncovered),
        f"{cluster.percentile:.0f}",
        ", ".join(f"{name} {percent(float(share))}" for name, share in mix if share),
        [_example(coverage, scene, row) for row in cluster.examples],
    )


def _chosen(coverage: Coverage, scene: Scene, rank: int) -> Chosen:
    row, near = int(scene.selected[rank]), int(coverage.nearest[rank])
    nearest = None
    if near >= 0:
        pair, grade = scene.known[near], int(scene.known_grades[near])
        nearest = Example(pair.query, pair.item, scene.grade_names[grade], f"{coverage.distances[rank]:.2f}")
    return Chosen(rank + 1, _example(coverage, scene, row), int(coverage.cluster_of[row]) + 1, nearest)


def _legend(grade_names: Sequence[str]) -> list[Key]:
    return [
        Key(TRAINING, "●", "training pairs"),
        Key("muted", "●", "pool"),
        *(Key(grade_colour(i), "■", f"selected, predicted {name}") for i, name in enumerate(grade_names)),
    ]


def map_plot(scene: Scene, seed: int = 0) -> Plot:
    """Training pairs, pool and selection laid out so that pairs that are alike lie close (t-SNE)."""
    rng = np.random.default_rng(seed)
    features, selected = scene.candidates.predictions.features, scene.selected[:MAP_SELECTED]
    rest = np.setdiff1d(np.arange(len(features)), scene.selected)
    pool = rng.permutation(rest)[:MAP_POOL]
    known = scene.candidates.known[rng.permutation(len(scene.candidates.known))[:MAP_KNOWN]]
    points = layout(
        np.concatenate([part.astype(np.float32) for part in (known, features[pool], features[selected])])
    )
    parts = np.split(points, [len(known), len(known) + len(pool)])
    grades = scene.grades[selected]

    def paint(figure: Figure) -> None:
        panel = figure.add_axes((0.02, 0.02, 0.96, 0.96))
        panel.set_axis_off()
        for part, variable, size in ((parts[1], "muted", 7), (parts[0], TRAINING, 7)):
            panel.scatter(part[:, 0], part[:, 1], s=size, color=colour(variable), alpha=0.45, linewidths=0)
        for grade in np.unique(grades):
            chosen = parts[2][grades == grade]
            panel.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=26,
                marker="s",
                color=colour(grade_colour(int(grade))),
                linewidths=0,
            )

    return Plot(
        "Pairs that are alike lie close",
        draw("map", paint, height=MAP_HEIGHT),
        f"A map of {len(known)} training pairs, {len(pool)} pool pairs and {len(selected)} selected ones.",
        "Distances across the map mean little; what lies among no training pairs is not covered.",
    )


def layout(features: FloatArray) -> npt.NDArray[np.float64]:
    """(N, 2) places of (N, D) features: t-SNE on the principal components of their directions."""
    directions = unit(features).astype(np.float64)
    left, sizes, _ = np.linalg.svd(directions - directions.mean(axis=0), full_matrices=False)
    reduced = np.pad((left * sizes)[:, :COMPONENTS], ((0, 0), (0, 2)))
    if len(directions) < FEWEST or sizes[0] < 1e-6:
        return reduced[:, :2]
    model = TSNE(
        perplexity=min(PERPLEXITY, (len(directions) - 1) / 3),
        init=1e-4 * reduced[:, :2] / reduced[:, 0].std(),
        random_state=0,
    )
    found: npt.NDArray[np.float64] = model.fit_transform(reduced)
    return found


def histogram(candidates: Candidates, selected: IntArray) -> Plot:
    """ood_scores of held-out in-distribution pairs, the pool and the selection."""
    scores, usual = candidates.ood_scores, candidates.in_dist_scores
    low, high = float(min(scores.min(), usual.min())), float(np.quantile(scores, FARTHEST))
    high = max(high, float(np.quantile(usual, FARTHEST)), low + 1e-9)
    edges = np.linspace(low, high, BINS + 1)

    def shares(values: FloatArray) -> FloatArray:
        return np.histogram(np.minimum(values, high), edges)[0] / max(len(values), 1)

    def paint(figure: Figure) -> None:
        panel = add_axes(figure)
        steps(panel, edges, shares(scores), "muted", fill=0.25)
        steps(panel, edges, shares(usual), TRAINING)
        steps(panel, edges, shares(scores[selected]), "ink")
        panel.set_xlabel("ood_score")
        panel.yaxis.set_major_formatter(lambda share, _: percent(share))

    return Plot(
        "How far from the training data: pool (filled), in-distribution (green), selected (dark)",
        draw("ood", paint),
        f"Median ood_score: pool {np.median(scores):.3g}, in-distribution {np.median(usual):.3g}, selected "
        f"{np.median(scores[selected]) if len(selected) else float('nan'):.3g}.",
        "The last bin holds what is beyond.",
    )
