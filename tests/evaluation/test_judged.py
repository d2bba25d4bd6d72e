import numpy as np
import pytest

from darl.errors import ShapeError
from darl.evaluation.judged import Decided, Judged, check_comparable, joined, judge, with_decisions
from darl.evaluation.metrics import metrics_for
from darl.pairs import GradedPair, Pair
from darl.predictions import Decisions
from tests.evaluation.made import SCALES, judged, predicted_again, predictions, random_judged, rows_of

HALF = [[0.5, 0.5]]


def test_judge_puts_gold_beside_predictions():
    pairs = [
        GradedPair(Pair("q1", "shoes", "i7", "red shoe"), 1),
        GradedPair(Pair("q0", "hat", "i2", "hat"), 0),
    ]
    one = judge(pairs, predictions(HALF * 2))
    assert one.query_ids.tolist() == ["q1", "q0"]
    assert one.item_ids.tolist() == ["i7", "i2"]
    assert one.grades.tolist() == [1, 0]
    assert (len(one), one.n_grades, one.n_queries) == (2, 2, 2)


def test_judge_of_nothing_is_empty():
    one = judge([], predictions(np.empty((0, 3))))
    assert (len(one), one.n_queries, one.n_grades) == (0, 0, 3)


def test_judge_refuses_another_number_of_predictions():
    with pytest.raises(ShapeError, match="query_ids: expected \\(2,\\)"):
        judge([GradedPair(Pair("q", "", "i", ""), 0)], predictions(HALF * 2))


@pytest.mark.parametrize("grades", [[2], [-1]])
def test_a_grade_outside_the_scale_is_refused(grades):
    with pytest.raises(ShapeError, match=r"expected indices 0\.\.1"):
        judged(grades, HALF)


def test_grades_that_are_not_integers_are_refused():
    ids = np.array(["x"])
    with pytest.raises(ShapeError, match="expected integers, received float64"):
        Judged(ids, ids, np.array([1.0]), predictions(HALF))


def test_query_rows_follow_the_sorted_ids():
    one = judged([0, 1, 0], HALF * 3, query_ids=["b", "a", "b"])
    assert one.query_rows.tolist() == [1, 0, 1]


def test_sum_by_query_is_a_table_of_totals():
    one = judged([0, 1, 0], HALF * 3, query_ids=[1, 0, 1])
    cells = np.array([2, 0, 2])
    assert one.sum_by_query(cells, 3).tolist() == [[1, 0], [0, 0], [0, 2]]
    assert one.sum_by_query(cells, 3, np.array([0.5, 4.0, 0.25])).tolist() == [[4, 0], [0, 0], [0, 0.75]]


class TestComparable:
    def test_runs_on_the_same_pairs_are(self):
        rng = np.random.default_rng(0)
        one = random_judged(rng)
        check_comparable([("a", one), ("b", predicted_again(rng, one))], SCALES[3])

    def test_none_are_refused(self):
        with pytest.raises(ShapeError, match="at least one"):
            check_comparable([], SCALES[3])

    def test_another_scale_is_refused(self):
        with pytest.raises(ShapeError, match="a: expected 2 grades \\(a, b\\), received predictions over 3"):
            check_comparable([("a", random_judged(np.random.default_rng(0)))], SCALES[2])

    def test_another_order_is_refused(self):
        one = random_judged(np.random.default_rng(0))
        turned = rows_of(one, np.arange(len(one))[::-1])
        with pytest.raises(ShapeError, match="b: expected the query_ids of a in the same order"):
            check_comparable([("a", one), ("b", turned)], SCALES[3])

    def test_other_gold_is_refused(self):
        one = judged([0, 1], HALF * 2)
        other = judged([1, 1], HALF * 2)
        with pytest.raises(ShapeError, match="expected the grades of a"):
            check_comparable([("a", one), ("b", other)], SCALES[2])


def test_joined_slices_are_one_after_the_other():
    one, other = judged([0, 1], HALF * 2, ["a", "b"]), judged([1], HALF, ["c"])
    both = joined([one, other])
    assert both.query_ids.tolist() == ["qa", "qb", "qc"]
    assert both.grades.tolist() == [0, 1, 1]
    assert both.predictions.grade_probs.tolist() == HALF * 3
    with pytest.raises(ShapeError, match="received a query in two of them"):
        joined([one, one])


def told(one, grade, abstain=None):
    """The pairs, all told to be of one grade, with a score of the model's own that nothing else says."""
    n = len(one)
    probs = np.full((n, one.n_grades), 1 / one.n_grades)
    own = np.linspace(0, 1, n) if n > 1 else np.array([0.25])
    none = None if abstain is None else np.full(n, abstain)
    return with_decisions(one, Decisions(own, probs, np.full(n, grade), np.full(n, 0.5), none))


def test_joined_slices_stay_as_they_are_told():
    one, other = judged([0, 1], HALF * 2, ["a", "b"]), judged([1], HALF, ["c"])
    both = joined([told(one, 0), told(other, 1)])
    assert isinstance(both, Decided)
    assert both.decided.tolist() == [0, 0, 1]
    assert both.scores.tolist() == [0.0, 1.0, 0.25]
    assert both.decisions.abstain is None
    assert joined([told(one, 0, False), told(other, 1, True)]).answered.tolist() == [True, True, False]
    mixed = joined([told(one, 0), other])  # of one that nobody told of, nothing can be said
    assert not isinstance(mixed, Decided)
    assert mixed.scores.tolist() == [0.5] * 3


def test_ranking_is_judged_by_what_results_are_sorted_by():
    rng = np.random.default_rng(0)
    one = random_judged(rng)
    metrics = metrics_for(SCALES[one.n_grades])
    flat = np.full((len(one), one.n_grades), 1 / one.n_grades)  # as probabilities they say nothing
    after = with_decisions(one, Decisions(one.scores, flat, one.decided, np.full(len(one), 0.5)))
    ranking = [name for name in metrics if name.startswith(("auc", "ndcg", "pairwise"))]
    assert len(ranking) >= 3
    for name in ranking:
        before, now = (metrics[name].value(of, metrics[name].statistic(of)) for of in (one, after))
        assert now == before
