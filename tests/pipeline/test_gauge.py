"""A fitted detector as a value and as a file: the same scores to the last bit, or a refusal."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from darl.catalogue import Component, build
from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.models.base import FROZEN, TUNED, FeatureView
from darl.models.reference import Reference
from darl.ood.catalogue import DETECTORS
from darl.pairs import Pair
from darl.pipeline.gauge import ABOUT, Gauge
from tests.ood.made import far, in_dist

ARGUMENTS = {
    "knn": {"k": 2, "most": 50},
    "energy": {"temperature": 2.0},
    "vim": {"dimension": 2},
    "ensemble": {"detectors": ["energy", {"name": "knn", "k": 3}, {"name": "ensemble"}]},
}
READ_FEATURES = sorted(name for name, member in DETECTORS.items() if "likelihoods" not in member().needs)
EVERY = pytest.mark.parametrize("name", READ_FEATURES)


def pairs(n):
    return tuple(Pair("q", "query", str(i), f"item {i}") for i in range(n))


def reference(n=60, held_out=25, view=TUNED, seed=0):
    rng = np.random.default_rng(seed)
    (fit, grades), (usual, _) = (in_dist(max(size, 1), rng, dtype=np.float32) for size in (n, held_out))
    return Reference({view: fit}, pairs(n), grades, {view: usual[:held_out]}, pairs(held_out))


def component(name):
    return Component.model_validate({"name": name, **ARGUMENTS.get(name, {})})


def gauge(name="knn", view=TUNED, **sizes):
    return Gauge.fit(component(name), reference(view=view, **sizes), view)


@EVERY
def test_it_is_the_detector_and_the_count_of_what_is_less_unusual(name):
    known, new = reference(), far(9, np.random.default_rng(1), dtype=np.float32)
    made = Gauge.fit(component(name), known, TUNED)
    detector = build("detector", DETECTORS, component(name)).fit(known.fit[TUNED], known.grades)
    scores = made.ood_scores(new)
    np.testing.assert_array_equal(scores, detector.score(new))
    usual = detector.score(known.held_out[TUNED])
    mixed = np.concatenate([scores, usual[:5]])
    naive = [100 * sum(1 for one in usual if one < score) / len(usual) for score in mixed]
    np.testing.assert_allclose(made.percentiles(mixed), naive)
    np.testing.assert_array_equal(made.held_out, sorted(usual))


@EVERY
def test_through_a_file_and_back_to_the_bit(name, tmp_path):
    made = gauge(name, view=FeatureView.parse("frozen.item@4"))
    for file in ("one", "two"):
        made.save(tmp_path / file)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    back = Gauge.load(tmp_path / "one")
    assert (back.view, back.component) == (made.view, made.component)
    new = far(33, np.random.default_rng(2), dtype=np.float32)
    for part in (new, new[:1]):
        np.testing.assert_array_equal(back.ood_scores(part), made.ood_scores(part))
    np.testing.assert_array_equal(back.held_out, made.held_out)
    back.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "one").read_bytes()


def test_threads_may_share_it():
    made, new = gauge(), far(40, np.random.default_rng(3), dtype=np.float32)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda row: made.ood_scores(new[row : row + 1])[0], range(40)))
    np.testing.assert_array_equal(found, made.ood_scores(new))


class Blind:
    """Has no other features than those it is asked for."""

    def features(self, pairs, view, *, progress):
        assert view == FROZEN
        return far(len(pairs), np.random.default_rng(4), 8).features


def test_columns_are_of_the_view_it_was_fitted_on():
    own = far(5, np.random.default_rng(5))
    made = Gauge.fit(component("knn"), reference(), TUNED)
    found = made.columns(Blind(), pairs(5), own)  # another view would be refused by its width
    assert list(found) == ["ood_score", "ood_percentile"]
    np.testing.assert_array_equal(found["ood_score"], made.ood_scores(own))
    np.testing.assert_array_equal(found["ood_percentile"], made.percentiles(found["ood_score"]))
    usual, grades = in_dist(30, np.random.default_rng(6), 8)
    frozen = Gauge.fit(
        component("knn"), Reference({FROZEN: usual}, pairs(30), grades, {FROZEN: usual}, pairs(30)), FROZEN
    )
    seen = own.with_features(Blind().features(pairs(5), FROZEN, progress=None))
    np.testing.assert_array_equal(
        frozen.columns(Blind(), pairs(5), own)["ood_score"], frozen.ood_scores(seen)
    )


def test_no_pairs():
    made = gauge()
    assert made.percentiles(made.ood_scores(far(0, np.random.default_rng(0)))).shape == (0,)


def test_what_cannot_be_fitted():
    with pytest.raises(ShapeError, match="M >= 1"):
        gauge(held_out=0)
    with pytest.raises(ShapeError, match="at least k=2 training pairs, received 1"):
        gauge(n=1)
    with pytest.raises(ConfigError, match="unknown name 'lof'"):
        gauge("lof")


def test_predictions_of_another_model_are_refused():
    with pytest.raises(ShapeError, match="of the model it was fitted on"):
        gauge().ood_scores(far(3, np.random.default_rng(0), 7))


@pytest.mark.parametrize("scores", [np.zeros((2, 2)), np.zeros(3, np.float32), np.array([2.0, 1]), [np.nan]])
def test_yardsticks_of_another_form_are_refused(scores):
    made = gauge()
    with pytest.raises(ShapeError, match="held_out"):
        Gauge(made.view, made.component, made.detector, np.asarray(scores))


def about(**changes):
    told = {"format": 1, "view": "tuned", "detector": {"name": "knn", "k": 2}} | changes
    return {ABOUT: json.dumps({key: value for key, value in told.items() if value is not None})}


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (None, "no 'darl.ood'"),
        ({"other": "x"}, "no 'darl.ood'"),
        ({ABOUT: "{"}, "property name"),
        ({ABOUT: "[]"}, "indices"),
        (about(format=2), "expected format 1, received 2"),
        (about(view="melted"), "received 'melted'"),
        (about(view=None), "no 'view'"),
        (about(detector="lof"), "unknown name 'lof'"),
        (about(detector=3), "Component"),
        (about(detector={"name": "knn", "k": 0}), "k: expected"),
        (about(detector={"name": "knn", "k": 99}), "at least k=99"),
        (about(detector="mahalanobis"), "expected a state of"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, metadata, told):
    gauge().save(tmp_path / "ood")
    arrays = load_file(tmp_path / "ood")
    save_file(arrays, tmp_path / "right", about())
    assert Gauge.load(tmp_path / "right").component.name == "knn"
    save_file(arrays, tmp_path / "ood", metadata)
    with pytest.raises(CheckpointError, match=r"not a detector as this version .*--no-ood") as refused:
        Gauge.load(tmp_path / "ood")
    assert told in str(refused.value)


def test_a_damaged_file_is_refused(tmp_path):
    gauge().save(tmp_path / "ood")
    arrays, whole = load_file(tmp_path / "ood"), (tmp_path / "ood").read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], b"x" * 500):
        (tmp_path / "ood").write_bytes(damaged)
        with pytest.raises(CheckpointError, match="--no-ood"):
            Gauge.load(tmp_path / "ood")
    del arrays["held_out"]
    save_file(arrays, tmp_path / "ood", about())
    with pytest.raises(CheckpointError, match="no 'held_out'"):
        Gauge.load(tmp_path / "ood")
    with pytest.raises(CheckpointError, match="--no-ood"):
        Gauge.load(tmp_path / "absent")
