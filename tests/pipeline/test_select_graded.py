"""Choosing from shards is choosing from memory; beyond what memory may hold, from a sample or from scores."""

from dataclasses import replace

import numpy as np
import pytest

from darl.errors import CheckpointError, ConfigError, PoolExhaustedError
from darl.models.base import FROZEN, TUNED
from darl.ood.catalogue import DETECTORS
from darl.pipeline import select_graded, shards
from darl.pipeline.select import choose, parse_round
from darl.pipeline.select_graded import choose_graded
from darl.predictions import Candidates
from darl.selection.catalogue import STRATEGIES
from tests.evaluation.test_page import Page
from tests.pipeline.made import Heard
from tests.pipeline.made_graded import Says, made_pairs, made_pool, made_predictions, made_reference

N = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_pool(tmp_path_factory.mktemp("pool") / "graded", N, 50)


@pytest.fixture(autouse=True)
def in_small_parts(monkeypatch):
    monkeypatch.setattr(shards, "READ_ROWS", 16)


def round_of(strategy="ood_band", detector="knn", budget=12, features="tuned"):
    detector = {"name": detector, "k": 3} if detector == "knn" else detector
    return parse_round({"budget": budget, "detector": detector, "features": features, "strategy": strategy})


def in_memory(round_, seed=0):
    return choose(Says(made_predictions(N, 0)), made_reference(), made_pairs(N), round_, seed=seed)


def same(left, right):
    """Equal rows; numbers to rounding, as products of matrices depend on the number of rows."""
    left, right = list(left.rows()), list(right.rows())
    assert [list(row) for row in left] == [list(row) for row in right]
    for one, other in zip(left, right, strict=True):
        for name, value in one.items():
            assert other[name] == (pytest.approx(value, abs=1e-6) if isinstance(value, float) else value), (
                name
            )


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
@pytest.mark.parametrize("seed", [0, 3])
def test_a_pool_that_fits_is_chosen_from_as_in_memory(folder, strategy, seed):
    round_ = round_of(strategy)
    heard = Heard()
    found = choose_graded(folder, made_reference(), round_, seed=seed, progress=heard)
    expected = in_memory(round_, seed)
    same(found, expected)
    assert found.how == expected.how
    assert heard.messages == []
    assert heard.done == N


READ_A_FOLDER = sorted(name for name, member in DETECTORS.items() if "likelihoods" not in member().needs)


@pytest.mark.parametrize("detector", READ_A_FOLDER)
def test_every_detector_scores_shards_as_memory(folder, detector):
    if detector == "ensemble":
        detector = {"name": "ensemble", "detectors": [{"name": "knn", "k": 3}, "energy"]}
    round_ = round_of("most_ood", detector)
    same(choose_graded(folder, made_reference(), round_), in_memory(round_))


def test_the_page_is_that_of_memory(folder):
    round_ = round_of("margin", "entropy")  # their numbers do not depend on how many rows come together
    assert choose_graded(folder, made_reference(), round_).page() == in_memory(round_).page()


def candidates_at(rows):
    """The pool's pairs at some rows, with the scores of the default detector."""
    reference, predictions = made_reference(), made_predictions(N, 0)[rows]
    ((view, fit),) = reference.fit.items()
    detector = DETECTORS["knn"](k=3).fit(fit, reference.grades)
    queries = np.array([pair.query_id for pair in made_pairs(N)])[rows]
    scores, in_dist = detector.score(predictions), detector.score(reference.held_out[view])
    return Candidates(predictions, scores, in_dist, queries, fit.features)


@pytest.mark.parametrize("name", ["ood_band", "core_set", "without_junk", "mixture", "typical"])
def test_who_reads_features_chooses_among_the_drawn_as_if_there_were_no_others(folder, name):
    heard = Heard()
    found = choose_graded(folder, made_reference(), round_of(name), among=70, seed=5, progress=heard)
    drawn = found.pool_rows
    assert len(set(drawn.tolist())) == 70
    assert (np.diff(drawn) > 0).all()
    chosen = STRATEGIES[name]().select(candidates_at(drawn), 12, np.random.default_rng(5))
    rows = list(found.rows())
    assert [row["pool_row"] for row in rows] == drawn[chosen].tolist()
    texts = [(row["query_id"], row["item_id"], row["item"], row["brand"]) for row in rows]
    pairs = [made_pairs(N)[row] for row in drawn[chosen]]
    assert texts == [(pair.query_id, pair.item_id, pair.item, pair.field("brand")) for pair in pairs]
    told = "chosen among 70 drawn at random, 50 left out (--among)"
    assert heard.messages == [f"{folder.folder}: {told}"]
    assert told in found.how


@pytest.mark.parametrize(
    "strategy",
    ["random", "margin", "entropy", "most_ood", {"name": "per_query_cap", "strategy": "margin", "cap": 1}],
)
def test_who_reads_no_features_chooses_among_all(folder, strategy):
    heard, round_ = Heard(), round_of(strategy)
    found = choose_graded(folder, made_reference(), round_, among=20, seed=2, progress=heard)
    rows, expected = list(found.rows()), list(in_memory(round_, 2).rows())
    for name in ("pool_row", "item_id", "predicted_grade", "nearest_item", "nearest_query"):
        assert [row[name] for row in rows] == [row[name] for row in expected]
    for name in ("ood_score", "ood_percentile", "nearest_distance"):
        assert [row[name] for row in rows] == pytest.approx([row[name] for row in expected], abs=1e-6)
    assert 20 < len(found.pool_rows) <= 32  # the drawn, and of the chosen those that are not among them
    assert heard.messages == [
        f"{folder.folder}: chosen among all; clusters and map of 20 drawn at random (--among)"
    ]


def test_the_page_of_a_sample_says_so(folder):
    found = choose_graded(folder, made_reference(), round_of(), among=70)
    text = found.page()
    assert Page(text).open == []
    assert "of 70 pairs drawn from the pool&#39;s 120 are more unusual" in text
    assert "50 left out" in text


def test_the_draw_is_even_and_goes_by_the_seed():
    draws = [select_graded._drawn(20, 5, seed) for seed in range(3000)]
    assert all(len(set(rows.tolist())) == 5 for rows in draws)
    counts = np.bincount(np.concatenate(draws), minlength=20)
    assert np.abs(counts - 750).max() < 5 * np.sqrt(750 * 0.75)
    np.testing.assert_array_equal(draws[7], select_graded._drawn(20, 5, 7))
    assert select_graded._drawn(4, 4, 0).tolist() == [0, 1, 2, 3]


def test_features_that_are_wide_make_the_sample_smaller(folder, monkeypatch):
    assert select_graded._n_drawn(folder, 12, None) == N
    monkeypatch.setattr(select_graded, "MOST_BYTES", 100 * 2 * folder.width)
    assert select_graded._n_drawn(folder, 12, None) == 100
    assert select_graded._n_drawn(folder, 110, None) == 110
    assert select_graded._n_drawn(folder, 12, 30) == 30
    monkeypatch.setattr(select_graded, "MOST_AMONG", 60)
    assert select_graded._n_drawn(folder, 12, None) == 60


def test_features_of_those_left_out_are_not_kept(folder):
    found = choose_graded(folder, made_reference(), round_of(), among=30)
    features = found.scene.candidates.predictions.features
    assert features.shape == (30, folder.width)
    assert features.dtype == np.float16
    assert features.base.shape == (30 + 12, folder.width)  # room for what may be chosen besides


@pytest.mark.parametrize("view", ["frozen", "frozen.item", "tuned@1"])
def test_another_view_is_refused(folder, view):
    with pytest.raises(ConfigError, match=rf"view tuned only, received {view}: .*as a file"):
        choose_graded(folder, made_reference(), round_of(features=view))


def test_a_reference_of_other_views_is_refused(folder):
    reference = made_reference()
    other = replace(
        reference, fit={FROZEN: reference.fit[TUNED]}, held_out={FROZEN: reference.held_out[TUNED]}
    )
    with pytest.raises(CheckpointError, match=r"expected the view tuned: .*--train FILE"):
        choose_graded(folder, other, round_of())


def test_budgets_that_cannot_be_met(folder):
    with pytest.raises(PoolExhaustedError, match="at most the 120 pairs of the pool, received 121"):
        choose_graded(folder, made_reference(), round_of(budget=121))
    with pytest.raises(ConfigError, match=r"--among.*\n.*at least the 12 to choose, received 11"):
        choose_graded(folder, made_reference(), round_of(), among=11)
    assert len(list(choose_graded(folder, made_reference(), round_of("random", budget=N)).rows())) == N
