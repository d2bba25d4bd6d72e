import numpy as np
import pytest

from darl.selection.dasa import Dasa
from darl.selection.ood_sampling import OODSampling
from tests.selection.made import candidates


def test_it_is_sampling_that_leaves_three_tenths_to_chance():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=300), rng.normal(9, 1, size=60)])
    some = candidates(scores, queries=[f"q{i // 6}" for i in range(360)], in_dist=rng.normal(size=200))
    for options in ({"spread": False}, {}):
        chosen = Dasa(**options).select(some, 50, np.random.default_rng(3))
        same = OODSampling(**{"explore": 0.3, **options}).select(some, 50, np.random.default_rng(3))
        np.testing.assert_array_equal(chosen, same)
    # A sixth of the traffic is new: more of it is chosen, and of familiar traffic some too.
    assert 0.5 < np.mean(chosen >= 300) < 0.9


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"explore: expected a number in \[0, 1\], received 2"):
        Dasa(explore=2)
