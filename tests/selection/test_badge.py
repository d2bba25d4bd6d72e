import numpy as np

from darl.selection.badge import Badge, gradient_embeddings
from tests.selection.made import candidates, of_grades
from tests.selection.test_representatives import clouds


def written_out(probs, features):
    """(N, K D) gradients of - log p_y by the weights W of logits W z, y the most probable grade."""
    rows = []
    for p, z in zip(probs, features, strict=True):
        rows.append([(p[k] - (k == p.argmax())) * value for k in range(len(p)) for value in z])
    return np.array(rows)


def select(probs, features, n, seed=0):
    some = candidates(np.zeros(len(features)), probs=probs, features=features)
    return Badge().select(some, n, np.random.default_rng(seed)).tolist()


def made(n=8, n_grades=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_grades), size=n), rng.normal(size=(n, 4))


def test_distances_are_those_of_the_gradients():
    probs, features = made(20, 4)
    gradients = written_out(probs, features) / np.linalg.norm(features, axis=1).max()
    expected = [[((x - y) ** 2).sum() for y in gradients] for x in gradients]
    rows = np.arange(20)
    squared = gradient_embeddings(probs, features).squared_distances(rows, rows)
    np.testing.assert_allclose(squared, expected, rtol=1e-4, atol=1e-6)


def test_the_gradient_is_that_of_the_loss():
    """By finite differences of the cross-entropy of softmax(W z), for logits whose softmax is p."""
    probs, features = made(1)
    p, z, step = probs[0], features[0], 1e-6

    def loss(weights):
        logits = np.log(p) + weights @ z
        return np.log(np.exp(logits).sum()) - logits[p.argmax()]

    moves = np.eye(12).reshape(12, 3, 4) * step
    slopes = [(loss(move) - loss(-move)) / (2 * step) for move in moves]
    np.testing.assert_allclose(written_out(probs, features)[0], slopes, atol=1e-6)


def test_the_first_is_the_longest_and_the_next_are_drawn_by_squared_distance():
    probs, features = made()
    gradients = written_out(probs, features)
    longest = int((gradients**2).sum(axis=1).argmax())
    weights = ((gradients - gradients[longest]) ** 2).sum(axis=1)
    chosen = np.array([select(probs, features, 2, seed) for seed in range(3000)])
    assert set(chosen[:, 0].tolist()) == {longest}
    shares = np.bincount(chosen[:, 1], minlength=8) / 3000
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.035)


def test_the_sure_are_left_to_the_end():
    """A pair without doubt has no gradient, so that it is drawn only as the distance from the others to 0."""
    probs = np.array([[1.0, 0.0, 0.0]] * 30 + [[0.4, 0.3, 0.3]] * 5)
    features = np.random.default_rng(0).normal(size=(35, 40))
    for seed in range(10):
        chosen = select(probs, features, 6, seed)
        assert sum(i < 30 for i in chosen) <= 1


def test_copies_come_after_everything_else():
    probs, features = made(10)
    for seed in range(10):
        chosen = select(np.tile(probs, (4, 1)), np.tile(features, (4, 1)), 10, seed)
        assert sorted(np.array(chosen) % 10) == list(range(10))


def test_it_spreads_over_clouds_of_like_doubt():
    features, cloud = clouds([80, 10, 10, 10])
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    probs = of_grades(np.zeros(110, dtype=int))
    for seed in range(10):
        assert len(set(cloud[select(probs, features, 8, seed)])) == 4


def test_the_unit_of_the_features_does_not_count():
    probs, features = made(30)
    large = (features * 15_000).astype(np.float16)
    assert np.abs(large).max() > 30_000
    assert select(probs, large, 10) == select(probs, large.astype(np.float64) / 16_384, 10)


def test_equally_long_firsts_are_random():
    features = np.eye(6)
    firsts = {select(np.full((6, 3), 1 / 3), features, 1, seed)[0] for seed in range(100)}
    assert firsts == set(range(6))
