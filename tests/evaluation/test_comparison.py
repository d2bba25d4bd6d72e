"""Two models on the same pairs: differences, changed pairs, and what a gate makes of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darl.errors import ConfigError, ShapeError
from darl.evaluation.comparison import Both, changed_pairs, compare, comparison_dict, with_domains
from darl.evaluation.comparison_page import comparison_html
from darl.evaluation.gate import GateDecision, GateRule, gate
from darl.evaluation.judged import judge
from darl.evaluation.metrics import metrics_for
from darl.evaluation.rows import difference_rows
from darl.grades import GradeScale
from darl.pairs import GradedPair, Pair
from tests.evaluation.made import predictions

SCALE = GradeScale()


def graded_pairs(rng, n=300, domains=("shoes", "hats"), per_query=3):
    """Pairs of two domains, a query in one of them."""
    return tuple(
        GradedPair(
            Pair(
                f"q{i // per_query}",
                f"query {i // per_query}",
                f"i{i}",
                f"item <{i}>",
                domains[i // per_query % len(domains)],
            ),
            int(grade),
        )
        for i, grade in enumerate(rng.integers(3, size=n))
    )


def said(rng, graded, skill):
    """What a model of that skill says; a number, or one for each domain."""
    by_pair = np.array([skill[one.pair.domain] if isinstance(skill, dict) else skill for one in graded])
    logits = rng.normal(size=(len(graded), 3)) + by_pair[:, None] * np.eye(3)[[one.grade for one in graded]]
    probs = np.exp(logits)
    return predictions(probs / probs.sum(axis=1, keepdims=True))


def both(seed=0, current=2.0, candidate=2.0, **how):
    rng = np.random.default_rng(seed)
    graded = graded_pairs(rng, **how)
    return Both(graded, said(rng, graded, current), said(rng, graded, candidate))


def decide(slices, seed=1, resamples=200, **rule):
    return gate(slices, GateRule(**rule), SCALE, np.random.default_rng(seed), resamples)


def test_a_domain_is_a_slice_of_its_own():
    one = both()
    found = with_domains({"valid": one, "ood": both(domains=("bags",))}, least_queries=10)
    assert list(found) == ["valid", "valid/hats", "valid/shoes", "ood"]
    for domain in ("hats", "shoes"):
        rows = [i for i, pair in enumerate(one.graded) if pair.pair.domain == domain]
        part = found[f"valid/{domain}"]
        assert part.graded == tuple(one.graded[row] for row in rows)
        np.testing.assert_array_equal(part.candidate.logits, one.candidate.logits[rows])
        np.testing.assert_array_equal(part.current.logits, one.current.logits[rows])
    assert list(with_domains({"valid": one}, least_queries=51)) == ["valid"]


def test_differences_are_those_of_the_report():
    """The same number and interval as the report's own difference, metric by metric."""
    one = both(candidate=1.0)
    found = compare(
        {"valid": one},
        SCALE,
        list(metrics_for(SCALE).values()),
        np.random.default_rng(3),
        title="a against b",
        resamples=100,
    )
    (own,) = np.random.default_rng(3).spawn(3)[:1]
    expected = difference_rows(
        "candidate",
        [judge(one.graded, one.candidate)],
        "current",
        [judge(one.graded, one.current)],
        "valid",
        SCALE,
        own,
        100,
    )
    assert [row for row in found.differences if row.slice == "valid"] == expected


def test_changed_pairs_by_a_naive_loop():
    one = both(candidate=0.5)
    expected = []
    for row, (_, gold) in enumerate(one.graded):
        before, after = one.current.grades[row], one.candidate.grades[row]
        if before != after:
            harm = abs(one.candidate.scores[row] - gold) - abs(one.current.scores[row] - gold)
            expected.append((harm, one.graded[row].pair.item_id, before, after))
    found = changed_pairs({"valid": one})
    assert len(found) > 20
    assert [one.harm for one in found] == sorted((row[0] for row in expected), reverse=True)
    received = {(one.graded.pair.item_id, one.current, one.candidate) for one in found}
    assert received == {row[1:] for row in expected}
    assert changed_pairs({"valid": Both(one.graded, one.current, one.current)}) == []


def test_a_candidate_that_harms_a_domain_is_refused():
    """Better as a whole, worse in one domain: the whole alone would let it pass."""
    one = both(current=1.0, candidate={"shoes": 8.0, "hats": 0.0})
    decision = decide({"valid": one})
    assert not decision.promoted
    assert decision.fallen == ("valid/hats",)
    assert decision.reason.startswith("refused: in macro_f1, valid/hats (")
    whole = next(row for row in decision.rows if row.slice == "valid")
    assert whole.value > 0
    assert decide({"valid": one}, least_queries=60).promoted


def test_harm_is_what_may_be_lost():
    one = both(current=4.0, candidate=1.0, domains=("shoes",))
    (row,) = decide({"valid": one}).rows
    assert row.high < 0
    assert not decide({"valid": one}, harm=-row.value - 0.01).promoted
    tolerated = decide({"valid": one}, harm=-row.value + 0.01)
    assert tolerated.promoted
    assert "none of 1 slices falls significantly by more than" in tolerated.reason


def test_what_falls_is_seen_in_metrics_where_less_is_better():
    worse, better = both(current=4.0, candidate=1.0), both(current=1.0, candidate=4.0)
    assert not decide({"valid": worse}, metric="brier").promoted
    assert decide({"valid": better}, metric="brier").promoted
    assert decide({"valid": better}).promoted


def test_alike_models_are_let_through_and_one_query_says_nothing():
    one = both()
    same = Both(one.graded, one.current, one.current)
    assert decide({"valid": same}).promoted
    single = both(n=3, domains=("shoes",))
    decision = decide({"valid": same, "few": single})
    assert decision.promoted
    assert decision.reason.endswith("of few nothing can be said")


def test_where_nothing_differs_few_are_refused():
    """At 95 % about one slice in 40 falls by luck: of 30 pairs of equal models no more than a few."""
    refused = sum(
        not decide({"valid": both(seed=seed, n=900, domains=("shoes",))}, seed=seed, resamples=100).promoted
        for seed in range(100, 130)
    )
    assert refused <= 4


def test_a_decision_is_read_back():
    decision = decide({"valid": both(candidate=0.5)})
    again = GateDecision.from_dict(json.loads(json.dumps(decision.as_dict())))
    assert again.as_dict() == decision.as_dict()
    assert (again.promoted, again.fallen, again.reason) == (
        decision.promoted,
        decision.fallen,
        decision.reason,
    )


def test_json_and_page_tell_the_same():
    one = both(candidate=0.5)
    metrics = list(metrics_for(SCALE).values())
    made = [
        compare({"valid": one}, SCALE, metrics, np.random.default_rng(3), title="new & old", resamples=100)
        for _ in range(2)
    ]
    told = comparison_dict(made[0])
    assert told == json.loads(json.dumps(comparison_dict(made[1])))
    assert told["slices"]["valid"] == {"pairs": 300, "queries": 100}
    worst = told["changed"][0]
    assert worst["harm"] == max(row["harm"] for row in told["changed"]) > 0
    page = comparison_html(made[0])
    assert page == comparison_html(made[1])
    assert "new &amp; old" in page
    assert worst["item"].replace("<", "&lt;").replace(">", "&gt;") in page
    assert "item <" not in page
    assert "significantly worse on valid" in page


def test_what_does_not_fit_is_refused():
    one = both()
    with pytest.raises(ShapeError, match="expected predictions of 2 pairs, received 300 of the current"):
        Both(one.graded[:2], one.current, one.candidate)
    with pytest.raises(ConfigError, match="level"):
        compare({"valid": one}, SCALE, [], np.random.default_rng(0), title="", level=1.0)
