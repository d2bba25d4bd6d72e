import math

import numpy as np
import pytest

from darl.errors import ShapeError
from darl.ood.energy import Energy
from darl.ood.vim import ViM
from darl.predictions import Predictions
from tests.ood.made import far, from_features, in_dist


def naive(train, query, dimension):
    """The residual on the complement of the principal subspace, by all of the covariance's eigenvectors."""
    features, mean = train.features, train.features.mean(axis=0)
    variance, vectors = np.linalg.eigh(np.cov(features.T, bias=True))
    outside = [vectors[:, i] for i in np.argsort(-variance)[dimension:]]

    def residual(z):
        return math.sqrt(sum(float((z - mean) @ v) ** 2 for v in outside))

    top = sum(max(row) for row in train.logits.tolist()) / len(train)
    scale = top / (sum(residual(z) for z in features) / len(train))
    energies = [math.log(sum(math.exp(f) for f in row)) for row in query.logits.tolist()]
    return [scale * residual(z) - e for z, e in zip(query.features, energies, strict=True)]


@pytest.mark.parametrize(
    ("n", "n_features", "dimension", "used"),
    [(60, 6, None, 3), (60, 7, None, 3), (60, 6, 1, 1), (60, 6, 5, 5), (9, 40, None, 4), (9, 40, 7, 7)],
)
def test_formula(n, n_features, dimension, used):
    rng = np.random.default_rng(0)
    train, grades = in_dist(n, rng, n_features)
    query = far(10, rng, n_features)
    scores = ViM(dimension).fit(train, grades).score(query)
    np.testing.assert_allclose(scores, naive(train, query, used), rtol=1e-8)


def test_it_ranks_as_the_virtual_logit_in_a_softmax():
    rng = np.random.default_rng(1)
    train, grades = in_dist(60, rng)
    query = in_dist(50, rng)[0]
    scores = ViM().fit(train, grades).score(query)
    virtual = scores - Energy().fit(train, grades).score(query)
    powers = np.exp(np.column_stack([query.logits, virtual]))
    probability = powers[:, -1] / powers.sum(axis=1)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(probability))


def test_only_the_residual_counts_besides_the_logits():
    """The training features vary most along axes 0 and 1: a step there costs nothing, along axis 5 much."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(500, 6)) * [9, 9, 1, 0.1, 0.1, 0.1]
    logits = np.tile([4.0, 0, 0], (500, 1))
    probs = np.full((500, 3), 1 / 3)
    detector = ViM(dimension=2).fit(Predictions(logits, probs, features), np.zeros(500, dtype=int))
    steps = np.array([np.zeros(6), [5.0, 0, 0, 0, 0, 0], [0, 5.0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 5.0]])
    scores = detector.score(Predictions(logits[:4], probs[:4], steps))
    assert np.ptp(scores[:3]) < 0.5
    assert scores[3] > scores[0] + 10


@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_features_that_do_not_vary(n):
    """But by rounding. The scale is then the mean largest logit over a residual of 1."""
    features = np.tile([2.0, 1, 0, 1000.1], (n, 1))
    train = from_features(features)
    query = from_features(features[:1] + np.array([0, 0, 0, 3.0]))
    scores = ViM().fit(train, np.zeros(n, dtype=int)).score(query)
    energy = math.log(math.exp(2) + math.e + 1)
    np.testing.assert_allclose(scores, [2 * 3 - energy], rtol=1e-12)


def test_constant_and_repeated_features():
    rng = np.random.default_rng(3)
    train, grades = in_dist(60, rng)
    wide = from_features(np.column_stack([train.features, train.features[:, :3], np.full((60, 20), 7.0)]))
    detector = ViM().fit(wide, grades)
    assert np.abs(detector.score(wide)).max() < 100
    with pytest.raises(ShapeError, match=r"below 6, the number of directions .* received 6: lower it"):
        ViM(6).fit(wide, grades)


@pytest.mark.parametrize("n", [2, 3, 9])
def test_as_many_directions_as_pairs_less_one(n):
    train, grades = in_dist(n, np.random.default_rng(4), 40)
    with pytest.raises(ShapeError, match=f"dimension below {n - 1}, .* received {n}"):
        ViM(n).fit(train, grades)


def test_a_residual_never_speaks_for_a_pair():
    """Where all logits are below 0, a scale of their sign would make the far pair the most familiar one."""
    rng = np.random.default_rng(5)
    train, grades = in_dist(60, rng)
    below = Predictions(train.logits - 100, train.grade_probs, train.features)
    out = far(5, rng)
    detector = ViM().fit(below, grades)
    far_scores = detector.score(Predictions(below.logits[:5], out.grade_probs, out.features))
    assert far_scores.min() > detector.score(below).max()


@pytest.mark.parametrize("dimension", [0, -1, 1.5, "5", True])
def test_dimension_is_checked(dimension):
    with pytest.raises(ValueError, match="dimension: expected an integer of at least 1 or None, received"):
        ViM(dimension)
