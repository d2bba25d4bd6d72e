import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.errors import ShapeError
from darl.ood.likelihood_ratio import LikelihoodRatio
from darl.predictions import Predictions

LOGS = st.floats(-30, 0, allow_subnormal=False)


def made(likelihoods):
    likelihoods = np.asarray(likelihoods)
    n = len(likelihoods)
    return Predictions(np.zeros((n, 3)), np.full((n, 3), 1 / 3), likelihoods)


def scored(likelihoods):
    return LikelihoodRatio().fit(made([[-3.0, -2.0]]), np.array([0])).score(made(likelihoods))


def test_what_fine_tuning_made_likelier_is_familiar():
    """The paper's law: log p(x) of the base less that of the fine-tuned LM, larger for what is OOD."""
    familiar, new, unlearnt = scored([[-4.0, -2.5], [-4.0, -4.0], [-4.0, -4.5]])
    assert familiar == -1.5
    assert new == 0
    assert unlearnt == 0.5


@given(st.lists(st.tuples(LOGS, LOGS), min_size=1, max_size=20), st.floats(-20, 0))
def test_what_both_find_unlikely_cancels(pairs, harder):
    likelihoods = np.array(pairs)
    naive = [base - tuned for base, tuned in pairs]
    np.testing.assert_allclose(scored(likelihoods), naive, atol=1e-12)
    np.testing.assert_allclose(scored(likelihoods + harder), naive, atol=1e-12)


def test_it_is_no_ratio_of_logarithms():
    """exp of the score is the paper's p / p', per token."""
    likelihoods = np.log([[0.1, 0.4], [0.3, 0.2]])
    np.testing.assert_allclose(np.exp(scored(likelihoods)), [0.25, 1.5])


@pytest.mark.parametrize("width", [1, 3, 64])
def test_features_are_no_likelihoods(width):
    told = (
        rf"LikelihoodRatio: expected 2 likelihoods, .*received {width} features: give it the view likelihood"
    )
    with pytest.raises(ShapeError, match=told):
        LikelihoodRatio().fit(made(np.zeros((4, width))), np.array([0, 1, 2, 0]))
