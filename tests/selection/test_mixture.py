import numpy as np
import pytest

from darl.selection.core_set import CoreSet
from darl.selection.margin import Margin
from darl.selection.mixture import Mixture
from darl.selection.most_ood import MostOOD
from darl.selection.random import Random
from tests.selection.made import candidates
from tests.selection.recorder import Recorder


def select(some, n, *strategies, seed=0, **options):
    return Mixture(list(strategies), **options).select(some, n, np.random.default_rng(seed))


def pool():
    return candidates(np.random.default_rng(0).permutation(100).astype(float))


def test_one_member_is_that_member():
    for member in (MostOOD(), CoreSet(), Random()):
        expected = member.select(pool(), 12, np.random.default_rng(3))
        assert select(pool(), 12, member, seed=3).tolist() == expected.tolist()


def test_later_members_choose_among_what_is_left_and_all_take_turns():
    """The first takes 99, 98, ..., 94; the second what is largest then."""
    some = pool()
    chosen = select(some, 9, MostOOD(), MostOOD(), shares=[2 / 3, 1 / 3])
    assert some.ood_scores[chosen].tolist() == [99, 93, 98, 97, 92, 96, 95, 91, 94]


def test_every_prefix_is_mixed():
    some = pool()
    chosen = select(some, 40, MostOOD(), Random(), shares=[0.75, 0.25])
    top = np.isin(chosen, np.argsort(-some.ood_scores)[:30])
    for m in range(4, 41):
        assert top[:m].sum() >= 0.75 * m - 1
    assert select(some, 40, Margin(), MostOOD()).shape == (40,)


def test_a_member_is_told_what_was_taken_before():
    some, recorders = pool(), [Recorder(), Recorder(), Recorder()]
    select(some, 10, *recorders, shares=[0.5, 0.3, 0.2])
    (first,), (second,), (third,) = (recorder.asked for recorder in recorders)
    assert [len(first[0]), len(second[0]), len(third[0])] == [100, 95, 92]
    assert [first[1], second[1], third[1]] == [5, 3, 2]
    taken = some.predictions.features[np.argsort(-some.ood_scores)[:5]]
    found = second[0].known[len(some.known) :]
    assert sorted(found.tolist()) == sorted(taken.tolist())


def test_a_member_without_a_share_is_not_asked():
    recorder = Recorder()
    select(pool(), 10, recorder, MostOOD(), shares=[0, 1])
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategies": []}, r"strategies: expected a list of at least one, received \[\]"),
        ({"strategies": Random()}, "strategies: expected a list of at least one, received <"),
        (
            {"strategies": [Random(), "margin"]},
            r"strategies\[1\]: expected a selection strategy, received 'mar",
        ),
        ({"strategies": [Random()], "shares": [0.5]}, "shares: expected numbers of at least 0 that sum to 1"),
        (
            {"strategies": [Random()], "shares": [0.5, 0.5]},
            "shares: expected 1 numbers, one for each strategy, received 2",
        ),
        ({"shares": [0.2, 0.3, 0.5]}, "shares: expected 2 numbers"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Mixture(**options)
