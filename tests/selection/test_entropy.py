import math

import numpy as np
import pytest

from darl.selection.entropy import Entropy, entropy
from tests.selection.made import candidates


def test_formula():
    probs = np.random.default_rng(0).dirichlet(np.ones(4), size=30)
    expected = [-sum(p * math.log(p) for p in row) for row in probs.tolist()]
    np.testing.assert_allclose(entropy(probs), expected)
    chosen = Entropy().select(candidates(np.zeros(30), probs=probs), 30, np.random.default_rng(1))
    assert chosen.tolist() == sorted(range(30), key=lambda i: -expected[i])


@pytest.mark.parametrize("n_grades", [2, 3, 5])
def test_range(n_grades):
    ends = entropy(np.stack([np.eye(n_grades)[0], np.full(n_grades, 1 / n_grades)]).astype(np.float32))
    np.testing.assert_allclose(ends, [0, math.log(n_grades)], rtol=1e-6)


def test_prefers_doubt_among_all_grades_to_doubt_between_two():
    """Where a margin sees no difference."""
    probs = [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]]
    chosen = Entropy().select(candidates(np.zeros(3), probs=probs), 3, np.random.default_rng(0))
    assert chosen.tolist() == [1, 0, 2]


def test_equals_come_in_random_order():
    some = candidates(np.ones(10), probs=np.full((10, 3), 1 / 3))
    firsts = {int(Entropy().select(some, 1, np.random.default_rng(seed))[0]) for seed in range(200)}
    assert firsts == set(range(10))
