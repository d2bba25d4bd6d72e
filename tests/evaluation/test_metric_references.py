"""Each metric against a second implementation: scikit-learn, ir-measures or a plain loop."""

from itertools import permutations

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import Qrel, ScoredDoc, nDCG
from sklearn import metrics as peer

from darl.evaluation.auc import concordance
from darl.evaluation.aurc import AURC
from darl.evaluation.brier import BRIER
from darl.evaluation.calibration_error import BINS, ECE, reliability
from darl.evaluation.confusion import confusion_matrix
from darl.evaluation.metrics import metrics_for
from darl.evaluation.ndcg import NDCG, ndcg_by_query
from darl.evaluation.pairwise import PAIRWISE
from tests.evaluation.made import SCALES, judged, predicted_again, random_judged, rows_of


@pytest.fixture(params=sorted(SCALES))
def one(request):
    return random_judged(np.random.default_rng(request.param), 300, request.param, 40)


def all_ones(judged_, metric):
    """The value as resampling computes it."""
    return metric.from_sums(metric.statistic(judged_)(np.ones((judged_.n_queries, 1))))[0]


def test_the_sums_agree_with_sklearn(one):
    gold, predicted, scores = one.grades, one.predictions.grades, one.predictions.scores
    metrics = metrics_for(SCALES[one.n_grades])
    expected = {
        "accuracy": peer.accuracy_score(gold, predicted),
        "macro_f1": peer.f1_score(gold, predicted, average="macro"),
        "qwk": peer.cohen_kappa_score(gold, predicted, weights="quadratic"),
    }
    for grade, f1 in enumerate(peer.f1_score(gold, predicted, average=None)):
        expected[f"f1:{SCALES[one.n_grades].name(grade)}"] = f1
    for grade in {1, one.n_grades - 1}:
        expected[f"auc>={SCALES[one.n_grades].name(grade)}"] = peer.roc_auc_score(gold >= grade, scores)
    assert {name: all_ones(one, metrics[name]) for name in expected} == pytest.approx(expected)
    assert {name: metrics[name].value(one) for name in expected} == pytest.approx(expected)


def test_brier_agrees_with_sklearn(one):
    expected = peer.brier_score_loss(
        one.grades, one.predictions.grade_probs, labels=range(one.n_grades), scale_by_half=False
    )
    assert BRIER.value(one) == pytest.approx(expected)


def test_confusion_matrix_agrees_with_sklearn(one):
    expected = peer.confusion_matrix(one.grades, one.predictions.grades, labels=range(one.n_grades))
    np.testing.assert_array_equal(confusion_matrix(one), expected)


def test_macro_f1_leaves_out_a_grade_without_gold_and_counts_its_misses():
    one = judged([0, 0, 1, 1], [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]])
    metrics = metrics_for(SCALES[3])
    assert metrics["macro_f1"].value(one) == pytest.approx((2 / 3 + 1) / 2)
    assert "no pair of grade 'c'" in metrics["f1:c"].undefined(one)


def test_kappa_of_one_gold_grade_is_undefined_though_sklearn_says_0():
    one = judged([1, 1, 1], [[1, 0], [0, 1], [0, 1]])
    assert "needs two grades" in metrics_for(SCALES[2])["qwk"].undefined(one)


class TestECE:
    def naive(self, one):
        error = 0.0
        for b in range(BINS):
            inside = [
                (float(max(probs)), float(int(np.argmax(probs)) == gold))
                for probs, gold in zip(one.predictions.grade_probs, one.grades, strict=True)
                if b / BINS < max(probs) <= (b + 1) / BINS
            ]
            if inside:
                confidence, correct = np.mean(inside, axis=0)
                error += len(inside) / len(one) * abs(correct - confidence)
        return error

    def test_agrees_with_a_plain_loop(self, one):
        assert ECE.value(one) == pytest.approx(self.naive(one))

    def test_is_the_mean_distance_in_the_reliability_diagram(self, one):
        curve = reliability([one])
        distance = np.nansum(curve.share * np.abs(curve.accuracy - curve.confidence))
        assert ECE.value(one) == pytest.approx(distance)
        assert curve.share.sum() == pytest.approx(1)

    def test_an_edge_belongs_to_the_bin_below_it(self):
        # 0.6 is 9 / 15: in a bin with 0.61, one right and one wrong would nearly cancel out.
        one = judged([0, 1], [[0.6, 0.4], [0.61, 0.39]])
        assert ECE.value(one) == pytest.approx((0.4 + 0.61) / 2)

    def test_certainty_falls_in_the_last_bin(self):
        curve = reliability([judged([0, 1], [[1.0, 0.0], [1.0, 0.0]])])
        assert curve.share[-1] == 1
        assert curve.accuracy[-1] == 0.5


class TestNDCG:
    def test_agrees_with_ir_measures_on_the_run_itself(self, one):
        names = np.unique(one.query_ids)
        qrels = [Qrel(*row) for row in zip(one.query_ids, one.item_ids, one.grades.tolist(), strict=True)]
        run = [
            ScoredDoc(*row) for row in zip(one.query_ids, one.item_ids, one.predictions.scores, strict=True)
        ]
        expected = {found.query_id: found.value for found in ir_measures.iter_calc([nDCG @ 10], qrels, run)}
        found = dict(zip(names, ndcg_by_query(one), strict=True))
        defined = {query: value for query, value in found.items() if not np.isnan(value)}
        assert defined == pytest.approx({query: expected[query] for query in defined})
        assert all(expected[query] == 0 for query in set(found) - set(defined))

    def test_agrees_with_sklearn_query_by_query(self, one):
        for query, value in enumerate(ndcg_by_query(one)):
            rows = one.query_rows == query
            gains, scores = one.grades[rows], one.predictions.scores[rows]
            if gains.any() and len(gains) > 1:
                assert value == pytest.approx(peer.ndcg_score([gains], [scores], k=10))

    def test_a_query_without_a_relevant_item_is_left_out_and_said(self):
        one = judged([0, 0, 1, 0], [[0.5, 0.5]] * 2 + [[0.2, 0.8], [0.6, 0.4]], query_ids=[0, 0, 1, 1])
        assert np.isnan(ndcg_by_query(one)[0])
        assert NDCG.value(one) == 1
        assert NDCG.n(one) == 1
        assert NDCG.left_out(one) == "1 of 2 queries have no relevant item and are left out"

    def test_constant_scores_are_sorted_blindly(self):
        # Item ids in the order of relevance, as corpora list them: the order must not be a gift.
        grades = np.tile([2, 1, 0, 0, 0, 0, 0, 0], 200)
        one = judged(grades, np.full((1600, 3), 1 / 3), np.arange(1600) // 8)
        by_chance = [
            peer.dcg_score([[2, 1] + [0] * 6], [[0.0] * 8], k=10) / peer.dcg_score([[2, 1]], [[2, 1]], k=10)
        ]
        assert NDCG.value(one) == pytest.approx(by_chance[0], abs=0.03)

    def test_scores_that_differ_beyond_32_bits_are_not_ties(self):
        fine = 0.5 + np.array([0.0, 1e-12, 2e-12])
        for grades in ([0, 0, 1], [1, 0, 0]):
            one = judged(grades, np.stack([1 - fine, fine], axis=1), query_ids=[0, 0, 0])
            assert NDCG.value(one) == pytest.approx(1.0 if grades[2] else 0.5)

    def test_a_pair_listed_twice_does_not_depend_on_order(self):
        one = judged([0, 1], [[0.5, 0.5]] * 2, query_ids=[0, 0])
        twice = type(one)(one.query_ids, np.array(["same", "same"]), one.grades, one.predictions)
        assert NDCG.value(twice) == NDCG.value(rows_of(twice, [1, 0]))


class TestPairwise:
    def naive(self, one):
        in_order, n = 0.0, 0
        for i in range(len(one)):
            for j in range(len(one)):
                if one.query_ids[i] == one.query_ids[j] and one.grades[i] == one.grades[j] + 1:
                    better, worse = one.predictions.scores[i], one.predictions.scores[j]
                    in_order += 1 if better > worse else 0.5 if better == worse else 0
                    n += 1
        return in_order / n

    @pytest.mark.parametrize("rounding", [None, 0], ids=["no-ties", "ties"])
    @pytest.mark.parametrize("k", sorted(SCALES))
    def test_agrees_with_a_plain_loop(self, k, rounding):
        one = random_judged(np.random.default_rng(k), 120, k, 9, 0.7, rounding)
        assert PAIRWISE.value(one) == pytest.approx(self.naive(one))

    def test_grades_further_apart_and_other_queries_are_nothing(self):
        probs = [[0.9, 0.1, 0.0], [0.0, 0.1, 0.9], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]]
        one = judged([0, 2, 1, 0], probs, query_ids=[0, 0, 1, 1])
        assert PAIRWISE.value(one) == 1  # of the second query alone
        assert PAIRWISE.n(one) == 1
        assert PAIRWISE.left_out(one) == "1 of 2 queries have no items of adjacent grades and are left out"

    def test_without_two_items_of_adjacent_grades_it_is_undefined(self):
        one = judged([0, 2, 1], np.eye(3), query_ids=[0, 0, 1])
        assert PAIRWISE.undefined(one) == "no query has two items of adjacent grades"

    def test_constant_scores_are_half_in_order(self):
        one = judged([0, 1, 2, 1], np.full((4, 3), 1 / 3), query_ids=[0, 0, 0, 0])
        assert PAIRWISE.value(one) == 0.5


class TestAURC:
    def naive(self, one):
        """The risk of the i surest, i = 1 ... N; no two are equally sure."""
        order = sorted(range(len(one)), key=lambda row: -one.predictions.confidence[row])
        wrong = [one.predictions.grades[row] != one.grades[row] for row in order]
        return sum(sum(wrong[:i]) / i for i in range(1, len(one) + 1)) / len(one)

    def test_agrees_with_a_plain_loop(self, one):
        assert len(set(one.predictions.confidence)) == len(one)
        assert AURC.value(one) == pytest.approx(self.naive(one))

    def sure(self, confidence, right):
        """Two grades, the first of which is predicted."""
        return judged(1 - np.array(right), np.stack([confidence, 1 - np.array(confidence)], axis=1))

    def test_equally_sure_ones_count_as_the_mean_over_their_orders(self):
        right = [1, 0, 1, 1, 0]
        orders = [
            self.naive(self.sure([0.9, 0.6 + a, 0.6 + b, 0.6 + c, 0.8], right))
            for a, b, c in permutations([0.0, 0.01, 0.02])
        ]
        assert len(set(orders)) > 1
        assert AURC.value(self.sure([0.9, 0.6, 0.6, 0.6, 0.8], right)) == pytest.approx(np.mean(orders))

    def test_being_as_sure_of_everything_costs_the_error_rate(self):
        one = judged([0, 0, 0, 1], [[0.7, 0.3]] * 4)
        assert AURC.value(one) == pytest.approx(0.25)

    def test_errors_that_are_the_least_sure_cost_least(self):
        sure = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]
        assert AURC.value(judged([0, 0, 0, 1], sure)) == pytest.approx((0 + 0 + 0 + 1 / 4) / 4)
        assert AURC.value(judged([1, 0, 0, 0], sure)) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@given(st.lists(st.tuples(st.integers(-50, 50), st.booleans()), min_size=2, max_size=40), st.integers(0, 99))
def test_auc_only_reads_the_order_of_scores(pairs, seed):
    scores = np.array([score for score, _ in pairs], dtype=np.float64)
    positive = np.array([is_up for _, is_up in pairs])
    queries = np.random.default_rng(seed).integers(5, size=len(pairs))
    counts = np.random.default_rng(seed).integers(0, 3, (5, 6)).astype(float)
    plain = concordance(scores, positive, queries)(counts)
    bent = concordance(np.exp(scores / 50) * 3 - 7, positive, queries)(counts)
    np.testing.assert_allclose(plain, bent)
    turned = concordance(-scores, positive, queries)(counts)
    np.testing.assert_allclose(plain[0] + turned[0], plain[1] * plain[2])


def test_auc_of_the_top_grade_differs_from_that_of_relevance():
    rng = np.random.default_rng(3)
    one = predicted_again(rng, random_judged(rng, 400, 3))
    metrics = metrics_for(SCALES[3])
    assert metrics["auc>=c"].value(one) != pytest.approx(metrics["auc>=b"].value(one), abs=1e-4)
