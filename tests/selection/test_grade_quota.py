from collections import Counter

import numpy as np
import pytest

from darl.errors import ShapeError
from darl.selection.grade_quota import GradeQuota
from darl.selection.most_ood import MostOOD
from darl.selection.random import Random
from tests.selection.made import candidates, of_grades
from tests.selection.recorder import Recorder

GRADES = np.repeat([0, 1, 2], [80, 15, 5])


def pool():
    return candidates(np.random.default_rng(0).permutation(100), probs=of_grades(GRADES))


def select(n, strategy=None, **options):
    return GradeQuota(strategy or MostOOD(), **options).select(pool(), n, np.random.default_rng(1))


def counts(chosen):
    return [int((GRADES[chosen] == grade).sum()) for grade in range(3)]


def test_even_shares_are_the_default():
    assert counts(select(12)) == [4, 4, 4]


def test_the_given_shares_are_kept():
    assert counts(select(20, shares=[0.3, 0.5, 0.2])) == [6, 10, 4]


def test_what_a_grade_cannot_give_goes_to_the_others_in_proportion():
    assert counts(select(29, shares=[0.5, 0.25, 0.25])) == [16, 8, 5]
    assert counts(select(100)) == [80, 15, 5]


def test_a_grade_without_a_share_gives_when_nothing_else_is_left():
    assert counts(select(20, shares=[0, 0.5, 0.5])) == [0, 15, 5]
    assert counts(select(22, shares=[0, 0.5, 0.5])) == [2, 15, 5]


@pytest.mark.parametrize("shares", [[1 / 3] * 3, [0.5, 0.3, 0.2]])
def test_every_prefix_is_divided_alike(shares):
    chosen = select(20, shares=shares)
    for m in range(1, 16):
        assert np.abs(np.array(counts(chosen[:m])) - m * np.array(shares)).max() <= 1


def test_within_a_grade_the_other_strategy_chooses():
    some, chosen = pool(), select(30)
    for grade in range(3):
        mine = chosen[GRADES[chosen] == grade]
        best = sorted(some.ood_scores[some.predictions.grades == grade], reverse=True)[: len(mine)]
        assert some.ood_scores[mine].tolist() == best


def test_the_other_strategy_sees_a_grade_at_a_time_and_what_is_taken():
    recorder = Recorder()
    select(9, recorder)
    assert [n for _, n in recorder.asked] == [3, 3, 3]
    for grade, (some, _) in enumerate(recorder.asked):
        assert set(some.predictions.grades) == {grade}
        assert len(some.known) == len(pool().known) + 3 * grade


def test_a_grade_that_is_never_predicted():
    some = candidates(np.arange(20.0), probs=of_grades([0] * 10 + [2] * 10))
    chosen = GradeQuota(Random()).select(some, 10, np.random.default_rng(0))
    assert Counter(some.predictions.grades[chosen].tolist()) == {0: 5, 2: 5}


def test_as_many_shares_as_grades():
    with pytest.raises(ShapeError, match="shares: expected 3 numbers, one for each grade, received 2"):
        select(5, shares=[0.5, 0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"shares": [0.5, 0.6]},
            r"shares: expected numbers of at least 0 that sum to 1, received \[0.5, 0.6\]",
        ),
        ({"strategy": Random}, "strategy: expected a selection strategy, received <class"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        GradeQuota(**options)
