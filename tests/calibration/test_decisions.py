"""What every decision rule promises, and what each is for."""

import numpy as np
import pytest

from darl.calibration.catalogue import DECISIONS
from darl.calibration.cost import Cost
from darl.calibration.decision import CutDecision
from darl.calibration.macro_f1 import MacroF1
from darl.calibration.most_probable import MostProbable
from darl.calibration.precision import Precision
from darl.errors import NotFittedError, ShapeError
from tests.calibration.made import said_and_true
from tests.evaluation.made import judged

EVERY = pytest.mark.parametrize("name", sorted(DECISIONS))
ARGUMENTS = {
    "precision": {"grade": 2, "at_least": 0.7},
    "cost": {"matrix": [[0, 1, 2], [1, 0, 1], [6, 1, 0]]},
}


def made(name):
    return DECISIONS[name](**ARGUMENTS.get(name, {}))


def data(seed=0, n=600, **how):
    said, _, grades = said_and_true(np.random.default_rng(seed), n, sharper=1.0, **how)
    return said @ np.arange(said.shape[1]), said, grades, np.arange(n) // 4


@EVERY
def test_grades_of_the_scale_each_pair_alone(name):
    rule = made(name).fit(*data())
    scores, probs, *_ = data(1)
    grades = rule.decide(scores, probs)
    assert grades.dtype == np.int64
    assert set(grades) <= {0, 1, 2}
    order = np.random.default_rng(2).permutation(len(scores))
    np.testing.assert_array_equal(rule.decide(scores[order], probs[order]), grades[order])
    assert rule.decide(scores[:0], probs[:0]).shape == (0,)


@EVERY
def test_there_and_back(name):
    rule = made(name).fit(*data())
    scores, probs, *_ = data(1)
    again = made(name).restored(rule.state())
    np.testing.assert_array_equal(again.decide(scores, probs), rule.decide(scores, probs))


@EVERY
def test_an_unfitted_rule_and_another_scale_are_refused(name):
    scores, probs, *_ = data()
    with pytest.raises(NotFittedError):
        made(name).decide(scores, probs)
    with pytest.raises(ShapeError, match=r"\(N, 3\)"):
        made(name).fit(*data()).decide(scores, np.full((len(scores), 2), 0.5))
    with pytest.raises(ShapeError):
        made(name).fit(scores, probs, np.full(len(scores), 3), np.arange(len(scores)))


@EVERY
def test_pairs_that_are_sorted_above_are_not_graded_below_where_the_score_is_cut(name):
    rule = made(name).fit(*data())
    scores, probs, *_ = data(1)
    if isinstance(rule, CutDecision):
        assert (np.diff(rule.decide(scores, probs)[np.argsort(scores)]) >= 0).all()
    else:
        assert name in ("most_probable", "cost")


def macro_f1(grades, given):
    from darl.evaluation.f1 import MACRO_F1

    return MACRO_F1.value(judged(grades, np.eye(3)[given]))


def test_macro_f1_is_better_than_the_most_probable_where_grades_are_rare():
    biases = np.array([2.0, 0.0, -1.0])
    new, rules = data(1, 4000, biases=biases), (MacroF1(), MostProbable())
    cut, probable = (rule.fit(*data(0, 4000, biases=biases)).decide(*new[:2]) for rule in rules)
    assert macro_f1(new[2], cut) > macro_f1(new[2], probable) + 0.02


@pytest.mark.parametrize(("grade", "share"), [(1, 0.8), (2, 0.65)])
def test_precision_is_kept_on_new_pairs(grade, share):
    kept = []
    for seed in range(25):
        rule = Precision(grade, share).fit(*data(seed, 1200))
        assert rule.unmet == ""
        scores, probs, grades, _ = data(1000 + seed, 3000)
        above = rule.decide(scores, probs) >= grade
        assert above.any()
        kept.append((grades[above] >= grade).mean() >= share)
    assert np.mean(kept) >= 0.9


def test_a_precision_that_cannot_be_met_says_what_can():
    rule = Precision(2, 0.999).fit(*data(0, 200))
    assert "at least 0.999 at grade 2" in rule.unmet
    promised = float(rule.unmet.split("promise ")[1].split(" at most")[0])
    assert 0 < promised < 0.999
    assert (rule.decide(*data(0, 200)[:2]) == 2).any()  # the nearest to it


def test_cost_by_hand():
    costs = [[0, 1, 4], [2, 0, 1], [9, 3, 0]]
    scores, probs, grades, queries = data()
    given = Cost(costs).fit(scores, probs, grades, queries).decide(scores, probs)
    for row in range(30):
        expected = [sum(probs[row, k] * costs[k][j] for k in range(3)) for j in range(3)]
        assert given[row] == int(np.argmin(expected))
    same = Cost(1 - np.eye(3)).fit(scores, probs, grades, queries).decide(scores, probs)
    np.testing.assert_array_equal(same, probs.argmax(axis=1))


@pytest.mark.parametrize(
    "matrix", [[[0, 1]], [[0, 1], [1]], [[0, -1], [1, 0]], [[0, float("nan")], [1, 0]], "x", [[0]]]
)
def test_what_is_no_cost_matrix_is_refused(matrix):
    with pytest.raises(ValueError, match="matrix: expected"):
        Cost(matrix)


def test_arguments_that_do_not_fit_the_grades():
    assert Cost([[0, 1], [1, 0]]).argument_faults(3) == [
        "matrix: expected 3 rows, one for each grade, received 2"
    ]
    assert Precision(3, 0.9).argument_faults(3) == ["grade: expected 1..2, received 3"]
    with pytest.raises(ShapeError, match=r"expected 1\.\.2, received 3"):
        Precision(3, 0.9).fit(*data())
    for grade, share in ((0, 0.9), (True, 0.9), ("strong", 0.9), (1, 1.0), (1, "x")):
        with pytest.raises(ValueError, match="expected"):
            Precision(grade, share)


def test_cuts_that_fall_or_are_too_many_are_refused():
    state = MacroF1().fit(*data()).state()
    for cuts in ([1.0, 0.5], [0.5], [0.1, 0.2, 0.3]):
        with pytest.raises(ShapeError, match="cuts: expected 2 that do not fall"):
            MacroF1().restored(state | {"MacroF1.cuts": np.array(cuts)})
