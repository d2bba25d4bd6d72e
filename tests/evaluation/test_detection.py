import numpy as np
import pytest

from darl.errors import ShapeError
from darl.evaluation.detection import Scored, auroc_replicates, detection


def naive_auroc(in_dist, ood):
    wins = [1.0 if b > a else 0.5 if a == b else 0.0 for a in in_dist for b in ood]
    return sum(wins) / len(wins)


def naive_fpr(in_dist, ood):
    """The smallest share of false alarms over all thresholds that catch 95 %."""
    found = [np.mean(in_dist >= t) for t in np.unique(ood) if np.mean(ood >= t) >= 0.95]
    return min(found)


def naive_aupr(in_dist, ood):
    """Precision at each distinct threshold, weighted by the recall that it adds."""
    total, before = 0.0, 0.0
    for t in sorted(set(in_dist) | set(ood), reverse=True):
        caught = np.mean(ood >= t)
        precision = np.sum(ood >= t) / (np.sum(ood >= t) + np.sum(in_dist >= t))
        total, before = total + precision * (caught - before), caught
    return total


@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize("n", [(1, 1), (7, 40), (60, 19), (30, 20)])
def test_measures_are_their_definitions(n, decimals):
    rng = np.random.default_rng(sum(n))
    in_dist, ood = rng.normal(size=n[0]).round(decimals), rng.normal(0.7, 1.5, size=n[1]).round(decimals)
    found = detection(in_dist, ood)
    assert found.auroc == pytest.approx(naive_auroc(in_dist, ood))
    assert found.fpr95 == pytest.approx(naive_fpr(in_dist, ood))
    assert found.aupr == pytest.approx(naive_aupr(in_dist, ood))


def test_perfect_and_reversed():
    low, high = np.arange(5.0), np.arange(10.0, 30.0)
    assert detection(low, high) == (1.0, 1.0, 0.0)
    assert detection(high, low).auroc == 0.0
    assert detection(high, low).fpr95 == 1.0


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0)])
def test_both_sides_are_needed(sizes):
    with pytest.raises(ShapeError, match="expected in-distribution and OOD pairs, received"):
        detection(np.zeros(sizes[0]), np.zeros(sizes[1]))


def scored(n, shift, queries, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, queries, size=n)
    return Scored(
        rng.normal(size=n) + shift + rng.normal(size=queries)[ids], np.array([f"q{i}" for i in ids])
    )


def test_replicates_draw_whole_queries():
    in_dist, ood = scored(40, 0.0, 6, 0), scored(30, 1.0, 5, 1)
    found = auroc_replicates(in_dist, ood, 7, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    sides = [(side, *np.unique(side.query_ids, return_inverse=True)) for side in (in_dist, ood)]
    draws = [rng.integers(len(names), size=(7, len(names))) for _, names, _ in sides]
    for i, value in enumerate(found):
        picked = [
            np.concatenate([side.ood_scores[row == query] for query in draw[i]])
            for (side, _, row), draw in zip(sides, draws, strict=True)
        ]
        assert value == pytest.approx(naive_auroc(*picked))


def test_replicates_lie_around_the_value_and_are_paired():
    in_dist, ood = scored(300, 0.0, 60, 0), scored(300, 1.0, 60, 1)
    found = auroc_replicates(in_dist, ood, 200, np.random.default_rng(0))
    assert abs(found.mean() - detection(in_dist.ood_scores, ood.ood_scores).auroc) < 0.02
    assert 0.005 < found.std() < 0.1
    again = auroc_replicates(
        Scored(in_dist.ood_scores * 2, in_dist.query_ids),
        Scored(ood.ood_scores * 2, ood.query_ids),
        200,
        np.random.default_rng(0),
    )
    np.testing.assert_allclose(found, again)


def test_the_same_queries_put_differently_are_drawn_together():
    one = scored(40, 0.0, 6, 0)
    other = Scored(one.ood_scores + 0.0, one.query_ids)
    np.testing.assert_allclose(auroc_replicates(one, other, 50, np.random.default_rng(0)), 0.5)
    apart = Scored(one.ood_scores, np.char.add(one.query_ids, "x"))
    assert auroc_replicates(one, apart, 50, np.random.default_rng(0)).std() > 0.01


def test_a_single_query_cannot_be_resampled():
    one, ood = scored(40, 0.0, 6, 0), scored(30, 1.0, 1, 1)
    assert np.isnan(auroc_replicates(one, ood, 5, np.random.default_rng(0))).all()
