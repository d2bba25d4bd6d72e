import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.calibration.abstention import UNUSUAL, Abstention, Doubt
from darl.errors import ConfigError, NotFittedError, ShapeError


def made(seed, n=3000, confident=1.0, unusual=0.0, far=0.0):
    """Pairs whose error depends on confidence, on the OOD percentile, or on both.

    Args:
        seed: Of the draw.
        n: Pairs.
        confident: 1: errors are as frequent as the confidence says; 0: it tells nothing.
        unusual: Rise of the log odds of an error from the most usual to the most unusual pair.
        far: Share of pairs at the far end, half of which are wrong whatever the confidence.
    """
    rng = np.random.default_rng(seed)
    confidence, places = 0.4 + 0.599 * rng.random(n), 100 * rng.random(n)
    odds = confident * np.log((1 - confidence) / confidence) - (1 - confident)
    chance = 1 / (1 + np.exp(-(odds + unusual * (places / 100 - 0.5))))
    away = rng.random(n) < far
    places[away], chance[away] = 100.0, 0.5
    return Doubt(confidence, places), rng.random(n) < chance, np.arange(n) // 5


def fit(rule, doubt, wrong, queries):
    return rule.fit(doubt, wrong, queries, queries % 5, 3)


def aurc(risks, wrong):
    return (np.cumsum(wrong[np.argsort(risks, kind="stable")]) / np.arange(1, len(wrong) + 1)).mean()


def rivals(doubt):
    """Other ways to order pairs: by confidence, by percentile, by the larger of the two ranks."""
    ranks = np.argsort(np.argsort(1 - doubt.confidence)) / len(doubt.confidence)
    usual = doubt.ood_percentiles / 100
    return {"confidence": 1 - doubt.confidence, "ood": usual, "larger rank": np.maximum(ranks, usual)}


@pytest.mark.parametrize(
    ("confident", "unusual", "best"),
    [(1.0, 0.0, "confidence"), (0.0, 3.0, "ood"), (1.0, 3.0, "none")],
    ids=["percentiles tell nothing", "confidence tells nothing", "both tell"],
)
def test_the_risk_orders_pairs_as_well_as_the_better_of_the_two_and_better_than_their_larger_rank(
    confident, unusual, best
):
    how = {"confident": confident, "unusual": unusual}
    rule = fit(Abstention(coverage=0.8), *made(0, **how))
    doubt, wrong, _ = made(1, 20_000, **how)
    others = {name: aurc(risks, wrong) for name, risks in rivals(doubt).items()}
    own = aurc(rule.risk(doubt), wrong)
    assert own < others["larger rank"] - 0.003
    # The guard gives up a hundredth of the pairs where percentiles tell nothing.
    assert own < others.get(best, min(others.values()) - 0.01) + 0.004


def test_pairs_beyond_everything_seen_are_not_answered_though_validation_has_none():
    """Fitted where percentiles tell nothing, asked where far pairs are wrong and confidence answers them."""
    rule = fit(Abstention(coverage=0.8), *made(0))
    doubt, wrong, _ = made(1, 10_000, far=0.2)
    far = doubt.ood_percentiles > UNUSUAL
    assert rule.abstains(rule.risk(doubt))[far].all()
    alone = fit(Abstention(coverage=0.8), Doubt(made(0)[0].confidence), *made(0)[1:])
    by_confidence = alone.abstains(alone.risk(Doubt(doubt.confidence)))
    assert 0.1 < by_confidence[far].mean() < 0.4
    answered = ~rule.abstains(rule.risk(doubt))
    assert wrong[answered].mean() < wrong[~by_confidence].mean() - 0.05


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(-4, 4))
def test_less_confidence_or_a_larger_percentile_never_lowers_the_risk(seed, confident, unusual):
    rule = fit(Abstention(coverage=0.8), *made(seed, 300, confident, unusual))
    line = np.linspace(0, 1, 50)
    by_confidence = rule.risk(Doubt(line, np.full(50, 40.0)))
    by_place = rule.risk(Doubt(np.full(50, 0.7), 100 * line))
    assert (np.diff(by_confidence) <= 0).all()
    assert by_confidence[0] > by_confidence[-1]
    assert (np.diff(by_place) >= 0).all()


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95, 1.0])
def test_the_wanted_coverage_is_reached_on_new_pairs(coverage):
    rule = fit(Abstention(coverage=coverage), *made(0))
    doubt, wrong, _ = made(1, 20_000)
    answered = ~rule.abstains(rule.risk(doubt))
    assert answered.mean() == pytest.approx(coverage, abs=0.03)
    assert rule.reached[0] >= coverage
    assert rule.reached[1] == pytest.approx(wrong[answered].mean(), abs=0.03)
    assert rule.reached[1] <= rule.reached[2]


def test_the_wanted_risk_is_kept_on_new_pairs():
    kept = []
    for seed in range(40):
        rule = fit(Abstention(risk=0.15), *made(seed, 1500))
        assert rule.unmet == ""
        assert rule.reached[2] <= 0.15
        doubt, wrong, _ = made(1000 + seed, 20_000)
        kept.append(wrong[~rule.abstains(rule.risk(doubt))].mean() <= 0.15)
    assert np.mean(kept) >= 0.9


def test_a_risk_that_cannot_be_kept_says_what_can():
    rule = fit(Abstention(risk=0.001), *made(0, 500))
    assert "at most 0.001" in rule.unmet
    assert "of them are answered" in rule.unmet


def test_without_percentiles_it_is_a_rule_on_confidence():
    doubt, wrong, queries = made(0)
    rule = fit(Abstention(coverage=0.8), Doubt(doubt.confidence), wrong, queries)
    assert not rule.reads_ood
    risks = rule.risk(Doubt(doubt.confidence))
    assert (np.argsort(risks, kind="stable") == np.argsort(-doubt.confidence, kind="stable")).all()
    # Where the confidence is right, the risk is what it says.
    np.testing.assert_allclose(risks, 1 - doubt.confidence, atol=0.06)


def test_what_it_was_fitted_with_it_asks_for():
    doubt, wrong, queries = made(0, 300)
    both = fit(Abstention(coverage=0.8), doubt, wrong, queries)
    alone = fit(Abstention(coverage=0.8), Doubt(doubt.confidence), wrong, queries)
    with pytest.raises(ConfigError, match="fitted with OOD percentiles, received none"):
        both.risk(Doubt(doubt.confidence))
    with pytest.raises(ConfigError, match="fitted without OOD percentiles, received some"):
        alone.risk(doubt)
    with pytest.raises(ShapeError, match=r"within 0\.\.100"):
        both.risk(Doubt(doubt.confidence, doubt.ood_percentiles + 1))
    with pytest.raises(NotFittedError):
        Abstention(coverage=0.8).risk(doubt)


@pytest.mark.parametrize("with_places", [True, False])
def test_there_and_back(with_places):
    doubt, wrong, queries = made(0, 300)
    doubt = doubt if with_places else Doubt(doubt.confidence)
    rule = fit(Abstention(risk=0.3), doubt, wrong, queries)
    again = Abstention(risk=0.3).restored(rule.state())
    np.testing.assert_array_equal(again.risk(doubt), rule.risk(doubt))
    assert (again.threshold, again.reached) == (rule.threshold, rule.reached)
    with pytest.raises(ShapeError, match="weights: expected 2 or 3"):
        Abstention(risk=0.3).restored(rule.state() | {"Abstention.weights": np.ones(4)})


@pytest.mark.parametrize("all_wrong", [True, False])
def test_pairs_that_are_all_right_or_all_wrong(all_wrong):
    doubt, _, queries = made(0, 50)
    rule = fit(Abstention(coverage=0.6), doubt, np.full(50, all_wrong), queries)
    risks = rule.risk(doubt)
    assert np.isfinite(risks).all()
    assert 20 <= (~rule.abstains(risks)).sum() <= 40


@pytest.mark.parametrize(
    "arguments", [{}, {"coverage": 0.5, "risk": 0.1}, {"coverage": 0.0}, {"coverage": 1.1}, {"risk": 1.0}]
)
def test_one_wish_within_range(arguments):
    with pytest.raises(ValueError, match="expected"):
        Abstention(**arguments)
