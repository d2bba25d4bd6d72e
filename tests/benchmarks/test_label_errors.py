import numpy as np
import pytest

from benchmarks.label_errors import KINDS, SCALE, Found, page, plant, rankings


@pytest.mark.parametrize("kind", KINDS)
def test_a_share_of_the_grades_is_wrong(kind):
    right = np.arange(300) % len(SCALE)
    grades, wrong = plant(right, 0.1, kind, np.random.default_rng(0))
    assert wrong.sum() == 30
    np.testing.assert_array_equal(grades != right, wrong)
    assert set(np.unique(grades)) <= {0, 1, 2}
    if kind == "neighbour":
        assert (np.abs(grades - right)[wrong] == 1).all()


def test_who_knows_the_truth_is_ranked_first_by_all():
    rng = np.random.default_rng(1)
    right = rng.integers(3, size=300)
    grades, wrong = plant(right, 0.1, "any", rng)
    for suspicion in rankings(np.eye(3)[right] * 0.9 + 1 / 30, grades).values():
        assert suspicion[wrong].min() > suspicion[~wrong].max()


def test_the_page_tells_differences_draw_by_draw():
    found = [
        Found("shop", kind, seed, name, value + 0.1 * seed, 0.5)
        for kind in KINDS
        for seed in range(2)
        for name, value in (("audit", 0.5), ("other", 0.45 - 0.02 * seed))
    ]
    told = page(found, 2)
    assert "| audit | 0.550; 0.50 |" in told
    assert "| other | 0.490 (-0.070 to -0.050); 0.50 |" in told
