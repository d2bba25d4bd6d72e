"""Drift: the index, the test that knows of clusters, alarms, slices and the page."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from darl.pairs import Pair
from darl.serve.answers import Answers
from darl.serve.clustered import Sums, clustered, difference, holm, psi
from darl.serve.drift import ALL, OTHER, Drift, Histogram, counted
from darl.serve.lots import GRADE, Lot, together
from tests.serve.made import DOCUMENTS, ask, metric, settings_for
from tests.tiny import toy_pairs

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


@given(COUNTS, st.randoms())
def test_psi_is_what_its_formula_says(expected, random):
    observed = [random.randrange(1000) for _ in expected]
    e, o = (
        [(one + 0.5) / (sum(counts) + 0.5 * len(counts)) for one in counts] for counts in (expected, observed)
    )
    naive = sum((b - a) * math.log(b / a) for a, b in zip(e, o, strict=True))
    found = psi(np.array(expected, float), np.array(observed, float))
    assert found == pytest.approx(naive, abs=1e-12)
    assert found >= 0
    assert psi(np.array(expected, float), np.array(expected, float)) == 0


def test_bins_hold_every_value_once_by_cluster():
    values, clusters = np.array([-5, 0.9, 1.0, 1.5, 2.0, 99]), np.array([0, 1, 0, 1, 1, 1])
    found = counted(Lot(values, clusters, ["", ""]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(found, [[1, 1, 0], [1, 1, 2]])


def test_lots_together_keep_their_clusters_apart():
    parts = [
        Lot(np.array([1.0, 2.0]), np.array([0, 1]), ["a", ""]),
        Lot(np.array([3.0]), np.array([0]), ["b"]),
    ]
    values, clusters, domains = together(parts)
    assert (values.tolist(), clusters.tolist(), domains) == ([1, 2, 3], [0, 1, 2], ["a", "", "b"])


def sums(table, kept=1.0):
    """One cluster after the other, as traffic comes."""
    so_far = Sums.none(table.shape[1])
    for one in table:
        so_far = so_far.plus(one[None], kept)
    return so_far


@pytest.mark.parametrize("kept", [1.0, 0.97])
def test_covariances_of_shares_are_those_between_clusters(kept):
    table = np.random.default_rng(0).poisson(3, (50, 4)).astype(float)
    found = sums(table, kept)
    weights = kept ** np.arange(49, -1, -1)
    n = sum(w * c.sum() for w, c in zip(weights, table, strict=True))
    p = sum(w * c for w, c in zip(weights, table, strict=True)) / n
    clusters = n**2 / sum((w * c.sum()) ** 2 for w, c in zip(weights, table, strict=True))
    naive = np.zeros((4, 4))
    for w, c in zip(weights, table, strict=True):
        off = c - c.sum() * p
        naive += w**2 * np.outer(off, off) / n**2
    np.testing.assert_allclose(found.shares, p)
    assert found.n_clusters == pytest.approx(clusters)
    np.testing.assert_allclose(found.covariances, naive * clusters / (clusters - 1), atol=1e-15)


def test_with_clusters_of_one_value_it_is_pearsons_test():
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.03, 0.06):
        lots = [
            np.eye(5)[rng.choice(5, 4000, p=[0.2 + change, 0.2 - change, 0.2, 0.2, 0.2])]
            for change in (0.0, shift)
        ]
        expected = chi2_contingency([lot.sum(axis=0) for lot in lots], correction=False).pvalue
        found = difference(*(Sums.none(5).plus(lot) for lot in lots)).p_value
        assert math.log(found) == pytest.approx(math.log(expected), rel=0.05, abs=0.02)


def drawn(rng, queries, most, shift=0.0):
    """Clusters of up to `most` values that are alike."""
    sizes = rng.integers(1, most + 1, queries)
    clusters = np.repeat(np.arange(queries), sizes)
    values = rng.normal(0, 1, queries)[clusters] + rng.normal(0, 1, len(clusters)) + shift
    edges = np.sqrt(2) * np.array([-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28])
    return Sums.none(10).plus(clustered(np.searchsorted(edges, values), clusters, 10))


def test_pairs_of_one_query_are_no_independent_pairs():
    """With both from the same source, the test is right about how often it errs; one that takes pairs for
    independent errs hundreds of times as often as it says."""
    rng = np.random.default_rng(2)
    lots = [(drawn(rng, 150, 40), drawn(rng, 300, 40)) for _ in range(400)]
    found = np.array([difference(*both).p_value for both in lots])
    naive = np.array([chi2_contingency([one.counts for one in both]).pvalue for both in lots])
    assert 0.02 < np.mean(found < 0.05) < 0.09
    assert np.mean(found < 0.001) <= 0.01
    assert np.mean(naive < 0.001) > 0.2
    by_chance = np.mean([difference(*both).by_chance for both in lots])
    assert by_chance == pytest.approx(np.mean([psi(a.counts, b.counts) for a, b in lots]), rel=0.15)
    shifted = [difference(drawn(rng, 150, 40), drawn(rng, 300, 40, 0.6)).p_value for _ in range(50)]
    assert np.mean(np.array(shifted) < 0.001) > 0.9


def test_where_there_is_too_little_nothing_is_told():
    rng = np.random.default_rng(3)
    enough = drawn(rng, 60, 1)
    assert difference(enough, Sums.none(10)) is None
    assert difference(enough, drawn(rng, 19, 1)) is None
    assert difference(drawn(rng, 19, 1), enough) is None
    one_bin = Sums.none(2).plus(np.array([[1.0, 0.0]] * 30))
    assert difference(one_bin, one_bin) is None
    assert difference(enough, drawn(rng, 60, 1)) is not None


def test_lots_that_are_nothing_alike_though_each_is_all_the_same():
    left, right = (Sums.none(2).plus(np.array([one] * 30)) for one in ([2.0, 0.0], [0.0, 2.0]))
    assert difference(left, right).p_value == 0.0
    half = Sums.none(2).plus(np.array([[1.0, 1.0]] * 30))
    assert difference(half, half).p_value == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_is_what_its_definition_says(p_values, level):
    found = holm(dict(enumerate(p_values)), level)
    n = len(p_values)
    adjusted = {}
    for key, p in enumerate(p_values):
        before = [q for other, q in enumerate(p_values) if (q, other) <= (p, key)]
        adjusted[key] = max((n - rank) * q for rank, q in enumerate(sorted(before)))
    assert found == {key for key, p in adjusted.items() if p <= level}


def answers(grades, confidence=0.7):
    """Of pairs with these grades out of three."""
    table = np.full((len(grades), 9), np.nan)
    table[:, 1] = grades
    table[:, 6:] = (1 - confidence) / 2
    table[np.arange(len(grades)), 6 + np.asarray(grades)] = confidence
    return Answers(table)


def watched(tmp_path, expected, **settings):
    """Drift of the grade alone, in all and in one domain."""
    histogram = Histogram(np.array([0.5, 1.5]), expected, Sums.none(3))
    return Drift(
        {name: {GRADE: histogram} for name in (ALL, "domain:shoes", OTHER)},
        settings_for(tmp_path, **settings),
    )


def test_an_alarm_needs_size_and_significance(tmp_path):
    rng = np.random.default_rng(4)
    usual = sums(np.eye(3)[rng.choice(3, 3000, p=[0.5, 0.3, 0.2])])

    def traffic(n, p):
        drift = watched(tmp_path, usual, half_life=1e9)
        for number, grade in enumerate(rng.choice(3, n, p=p)):
            drift.observe(answers([grade]), [Pair("", f"query {number}", "", "item")])
        return drift.told()[ALL][GRADE]

    large, small, few = (
        traffic(2000, [0.1, 0.3, 0.6]),
        traffic(8000, [0.44, 0.3, 0.26]),
        traffic(12, [0.0, 0.0, 1.0]),
    )
    assert large["alarm"] is True
    assert large["psi"] > 0.25
    assert large["p_value"] < 1e-6
    assert small["alarm"] is False  # not by chance, but small
    assert small["p_value"] < 1e-6
    assert few["alarm"] is False  # large, but of 12 queries
    assert few["psi"] > 0.25
    assert few["p_value"] is None


def test_drift_of_a_slice_is_seen_where_all_looks_as_usual(tmp_path):
    rng = np.random.default_rng(5)
    usual = sums(np.eye(3)[rng.choice(3, 3000)])
    drift = watched(tmp_path, usual)
    for number in range(900):
        domain = ("shoes", "never heard of", "")[number % 3]
        grade = 2 if domain == "shoes" else rng.integers(2)
        drift.observe(answers([grade] * 2), [Pair("", f"query {number}", "", text, domain) for text in "ab"])
    told = {name: measures[GRADE] for name, measures in drift.told().items()}
    assert list(told) == [ALL, "domain:shoes", OTHER]
    assert [one["alarm"] for one in told.values()] == [False, True, True]
    assert told[ALL]["psi"] < 0.05 < 0.25 < told["domain:shoes"]["psi"]
    assert [round(one["queries"]) for one in told.values()] == pytest.approx([900, 300, 300], rel=0.01)


def test_domains_of_requests_are_never_told(started, served):
    """The reference has the domain shop: there is no other name, however many requests make up."""
    with started(served) as client:
        for number in range(50):
            ask(client, documents=DOCUMENTS[:1], darl={"domain": f"made up {number}"})
        ask(client, documents=DOCUMENTS[:1], darl={"domain": "shop"})
        told = client.get("/drift").json()
        assert set(told["slices"]) == {"domain:shop", "other"}
        weights = {name: one["grade"]["weight"] for name, one in told["slices"].items()}
        assert weights == pytest.approx({"domain:shop": 1, "other": 50}, rel=0.01)
        assert "made up" not in client.get("/metrics").text + client.get("/drift").text
    with started(served, drift_slices=0) as client:
        assert set(client.get("/drift").json()["slices"]) == {"other"}


def test_drift_is_small_on_pairs_like_the_held_out_and_large_on_others(started, served):
    held_out = [one.pair for one in toy_pairs(120, queries=24, prefix="v")]
    with started(served) as client:
        assert client.get("/drift").json()["measures"]["grade"]["psi"] is None
        assert metric(client, "darl_drift_psi", measure="grade") is None
        for query in dict.fromkeys(pair.query for pair in held_out):
            mine = [pair for pair in held_out if pair.query == query]
            documents = [{"text": pair.item, "brand": pair.field("brand")} for pair in mine]
            ask(client, query, documents, darl={"domain": "shop"})
        usual = client.get("/drift").json()
        assert usual["model_sha"] == served.digest
        assert set(usual["measures"]) == {"ood_percentile", "grade", "confidence", "query_length"}
        for measure in usual["measures"].values():
            assert measure["weight"] == pytest.approx(sum(measure["observed"]))
        assert usual["measures"]["grade"]["weight"] == pytest.approx(120, rel=0.01)
        assert usual["measures"]["query_length"]["weight"] == pytest.approx(24, rel=0.01)
        for number in range(30):
            ask(client, f"{'x' * 60} {number}", ["&%$ 123 " * 3, "(((" * 5])
        after = client.get("/drift").json()["measures"]
        assert after["ood_percentile"]["psi"] > 2 * usual["measures"]["ood_percentile"]["psi"]
        assert after["query_length"]["psi"] > 0.5 > 5 * usual["measures"]["query_length"]["psi"]
        assert after["query_length"]["observed"][-1] == pytest.approx(30, rel=0.01)
        assert metric(client, "darl_drift_psi", measure="ood_percentile") == pytest.approx(
            after["ood_percentile"]["psi"]
        )
        assert metric(client, "darl_drift_weight", measure="ood_percentile") > 150


def test_older_traffic_counts_less(started, served):
    with started(served, half_life=100) as client:
        for _ in range(60):
            ask(client, documents=DOCUMENTS[:5])
        weight = client.get("/drift").json()["measures"]["grade"]["weight"]
    kept = 0.5 ** (5 / 100)  # a request is more than 2 % of the half-life: each is counted by itself
    assert weight == pytest.approx(5 * (1 - kept**60) / (1 - kept))


def test_the_page_draws_what_the_route_tells(started, served):

    with started(served, keys=("some-key-0123456789",)) as client:
        page = client.get("/drift", headers={"Accept": "text/html,application/xhtml+xml"})
        assert page.status_code == 200
        assert "<title>darl: drift</title>" in page.text
        assert "--accent" in page.text  # the style that all pages have
        asked_for = set(re.findall(r"""at\("([a-z]+)"\)""", page.text))
        assert len(asked_for) > 6
        assert asked_for <= set(re.findall(r"""id="([a-z]+)\"""", page.text))
        assert not re.search(r"""(?:src|href)="https?:""", page.text)
        assert client.get("/drift").status_code == 401
        told = client.get("/drift", headers={"X-API-Key": "some-key-0123456789"})
        assert told.headers["vary"] == "Accept"
        assert told.json()["alarm"] == {"psi": 0.25, "level": 0.001}
