import numpy as np
import pytest

from darl.selection.density_weighted import DensityWeighted
from darl.selection.distances import mean_similarity
from darl.selection.entropy import entropy
from tests.selection.made import candidates
from tests.selection.test_representatives import clouds


def cosine(x, y):
    return x @ y / (np.linalg.norm(x) * np.linalg.norm(y))


def naive_density(features):
    return np.array([max(sum(cosine(x, y) for y in features) / len(features), 0) for x in features])


def made(n=40, seed=0, shift=1.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return candidates(rng.normal(size=n), features=(rng.normal(size=(n, 5)) + shift).astype(dtype), seed=seed)


def select(some, n, seed=0, **options):
    return DensityWeighted(**options).select(some, n, np.random.default_rng(seed)).tolist()


@pytest.mark.parametrize("n", [1, 60, 5000])
def test_mean_similarity_formula(n):
    features = np.random.default_rng(0).normal(size=(n, 6)) + 0.2
    shown = np.arange(n)[:: max(n // 10, 1)]
    expected = [sum(cosine(features[i], y) for y in features) / n for i in shown]
    np.testing.assert_allclose(mean_similarity(features)[shown], expected, atol=1e-6)


def test_mean_similarity_of_zeros_and_of_large_numbers():
    features = np.full((4, 16), 6e4, dtype=np.float16)
    features[0] = 0
    np.testing.assert_allclose(mean_similarity(features), [0, 0.75, 0.75, 0.75], rtol=1e-5)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 3])
def test_formula_by_entropy(beta):
    some = made()
    weight = entropy(some.predictions.grade_probs) * naive_density(some.predictions.features) ** beta
    assert select(some, 40, beta=beta) == sorted(range(40), key=lambda i: -weight[i])


def test_formula_by_ood_score():
    some = made(seed=1)
    share = [sum(other <= score for other in some.ood_scores) / 40 for score in some.ood_scores]
    weight = np.array(share) * naive_density(some.predictions.features)
    assert select(some, 40, by="ood_score") == sorted(range(40), key=lambda i: -weight[i])


def test_the_unit_of_ood_scores_does_not_count():
    some = made(seed=2)
    other = candidates(np.exp(some.ood_scores) - 100, features=some.predictions.features)
    assert select(some, 10, by="ood_score") == select(other, 10, by="ood_score")


def test_of_equally_doubtful_pairs_the_crowd_comes_first():
    features, cloud = clouds([30, 5, 1])
    some = candidates(np.zeros(36), probs=np.full((36, 3), 1 / 3), features=features)
    assert cloud[select(some, 36)].tolist() == sorted(cloud.tolist())


def test_what_is_unlike_the_pool_comes_last_the_most_doubtful_first():
    features = np.array([[1.0, 0.0]] * 5 + [[-1.0, 0.0]] * 2 + [[0.0, 0.0]])
    probs = [[0.9, 0.1]] * 5 + [[0.6, 0.4], [0.5, 0.5], [0.7, 0.3]]
    some = candidates(np.zeros(8), probs=probs, features=features)
    assert select(some, 8, beta=0.5)[5:] == [6, 5, 7]


def test_equals_come_in_random_order():
    some = candidates(np.zeros(6), probs=np.full((6, 3), 1 / 3), features=np.ones((6, 2)))
    assert {select(some, 1, seed)[0] for seed in range(100)} == set(range(6))


def test_the_order_of_the_pool_does_not_count():
    some, shuffled = made(), np.random.default_rng(7).permutation(40)
    assert shuffled[select(some[shuffled], 12, seed=5)].tolist() == select(some, 12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": -1}, "beta: expected a finite number of at least 0, received -1"),
        ({"beta": float("nan")}, "beta: .* received nan"),
        ({"beta": float("inf")}, "beta: .* received inf"),
        ({"beta": True}, "beta: .* received True"),
        ({"beta": "1"}, "beta: .* received '1'"),
        ({"by": "margin"}, "by: expected one of entropy, ood_score, received 'margin'"),
        ({"by": ["entropy"]}, r"by: .* received \['entropy'\]"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        DensityWeighted(**options)
