import numpy as np
import pytest

from darl.evaluation.coverage import USUAL, coverage
from darl.evaluation.coverage_page import Scene, histogram, html, layout, map_plot, summary
from darl.pairs import Pair
from darl.predictions import Candidates, Predictions
from tests.evaluation.test_page import EVIL, Page

NAMES = ("irrelevant", "weak", "strong")


def clouds(sizes, spread=0.05, seed=0):
    """Tight clouds along different axes; the last one is what nobody knows."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(6)[of] + spread * rng.normal(size=(len(of), 6)), of


def scene(sizes=(30, 30, 12), chosen=(60, 61, 5), text="item"):
    features, of = clouds(sizes)
    n, last = len(features), len(sizes) - 1
    rng = np.random.default_rng(1)
    probs = rng.dirichlet(np.ones(3), size=n)
    known, of_known = clouds((10,) * last, seed=2)
    scores = np.where(of == last, 9.0, 1.0) + 0.01 * np.arange(n)
    candidates = Candidates(
        Predictions(probs, probs, features),
        scores,
        np.linspace(0, 2, 50),
        np.array([f"q{i % 7}" for i in range(n)]),
        known,
    )
    pool = [Pair(f"q{i % 7}", f"query {i % 7}", str(i), f"{text} {i}") for i in range(n)]
    training = [Pair("t", "query", f"k{i}", f"known {i}") for i in range(len(known))]
    return Scene(candidates, np.array(chosen, np.int64), pool, training, of_known % 3, NAMES), of


def test_clusters_are_the_clouds_and_the_least_covered_comes_first():
    made, of = scene()
    found = coverage(made.candidates, made.selected, n_clusters=3)
    assert len(found.clusters[0].rows) == 12
    assert {frozenset(of[cluster.rows]) for cluster in found.clusters} == {frozenset({i}) for i in range(3)}
    first = found.clusters[0]
    assert (first.uncovered, first.percentile, first.selected) == (1.0, 100.0, 2)
    assert sum(cluster.selected for cluster in found.clusters) == 3
    for number, cluster in enumerate(found.clusters):
        assert (found.cluster_of[cluster.rows] == number).all()
        assert set(cluster.examples) <= set(cluster.rows.tolist())
        assert len({row % 7 for row in cluster.examples}) == len(cluster.examples) == 4


def test_the_nearest_training_pair_is_the_nearest():
    made, _ = scene()
    found = coverage(made.candidates, made.selected)
    chosen, known = made.candidates.predictions.features[made.selected], made.candidates.known
    cosine = chosen @ known.T / np.outer(np.linalg.norm(chosen, axis=1), np.linalg.norm(known, axis=1))
    np.testing.assert_array_equal(found.nearest, cosine.argmax(axis=1))
    np.testing.assert_allclose(found.distances, 1 - cosine.max(axis=1), atol=1e-9)


def test_fewer_different_pairs_than_clusters():
    made, _ = scene()
    some = made.candidates[np.array([3, 3, 3, 40])]
    assert len(coverage(some, np.array([0]), n_clusters=12).clusters) == 2


def test_nothing_known_and_nothing_selected():
    made, _ = scene(chosen=())
    found = coverage(made.candidates, made.selected)
    assert len(found.nearest) == 0
    bare = Candidates(
        *(
            getattr(made.candidates, name)
            for name in ("predictions", "ood_scores", "in_dist_scores", "query_ids")
        ),
        made.candidates.known[:0],
    )
    alone = coverage(bare, np.array([1, 2]))
    assert alone.nearest.tolist() == [-1, -1]
    assert np.isnan(alone.distances).all()


@pytest.fixture(scope="module")
def text():
    made, _ = scene(text=EVIL)
    return html(coverage(made.candidates, made.selected), made, "how it was done")


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(text):
    page = Page(text)
    assert page.open == []
    assert not [tag for tag in ("script", "img", "link", "iframe") if page.all(tag)]
    assert "://" not in text
    assert EVIL not in text
    assert len(page.all("figure")) == 2


def test_the_page_links_every_selected_pair_to_its_cluster(text):
    page = Page(text)
    targets = {attrs["id"] for attrs in page.all("tr") if "id" in attrs}
    links = [attrs["href"] for attrs in page.all("a")]
    assert len(links) == 3
    assert {link.removeprefix("#") for link in links} <= targets


def test_the_summary_says_the_shares():
    made, _ = scene()
    found = coverage(made.candidates, made.selected)
    first, second = summary(found, made)
    assert (found.percentiles > USUAL).mean() == pytest.approx(12 / 72)
    assert first.startswith("17% of the 72 pool pairs")
    assert second.startswith("67% of the 3 selected pairs are; they are of 2 queries and 3 of 12 clusters")


def test_the_map_keeps_clouds_together():
    features, of = clouds((40, 40, 40))
    places = layout(features)
    centres = np.stack([places[of == i].mean(axis=0) for i in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == of).all()


@pytest.mark.parametrize("n", [1, 2, 4, 5, 9])
def test_maps_of_few_and_of_equal_points(n):
    for features in (np.ones((n, 3)), np.random.default_rng(0).normal(size=(n, 3)), np.ones((n, 1))):
        places = layout(features)
        assert places.shape == (n, 2)
        assert np.isfinite(places).all()


def test_plots_are_the_same_every_time():
    made, _ = scene()
    assert map_plot(made) == map_plot(made)
    assert histogram(made.candidates, made.selected) == histogram(made.candidates, made.selected)


def test_one_pair_with_one_score():
    made, _ = scene(sizes=(1, 1), chosen=(0,))
    flat = Candidates(
        made.candidates.predictions,
        np.ones(2),
        np.ones(1),
        made.candidates.query_ids,
        made.candidates.known,
    )
    one = Scene(flat, made.selected, made.pool, made.known, made.known_grades, NAMES)
    assert Page(html(coverage(flat, one.selected), one, "x")).open == []
