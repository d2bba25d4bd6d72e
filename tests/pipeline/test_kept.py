"""What is kept with a model: made without predicting a pair twice, and found again or not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from darl.calibration.config import CalibrationConfig
from darl.errors import CheckpointError
from darl.files import sha256_of
from darl.grades import GradeScale
from darl.models.base import FROZEN, TUNED, FeatureView
from darl.models.checkpoint import load_model
from darl.models.reference import REFERENCE, take_reference
from darl.pipeline.gauge import GAUGE, Gauge, load_gauge
from darl.pipeline.kept import Keeping
from darl.pipeline.ood_config import OODConfig
from darl.predictions import Predictions
from tests.pipeline.made import PAIRS, Heard, saved_model
from tests.tiny import toy_pairs

TRAIN, HELD_OUT = toy_pairs(50, prefix="t"), toy_pairs(20, prefix="v")
KNN = {"name": "knn", "k": 3}


class Counting:
    """Grades by the words of a pair, and counts how often it is asked to in which view."""

    grade_scale = GradeScale()

    def __init__(self):
        self.asked = []

    def predict(self, pairs, *, progress):
        self.asked += [(TUNED, pair) for pair in pairs]
        vectors = self._vectors(pairs, 1)
        return Predictions(vectors, np.full((len(pairs), 3), 1 / 3), vectors)

    def features(self, pairs, view, *, progress):
        self.asked += [(view, pair) for pair in pairs]
        return self._vectors(pairs, 2)

    def _vectors(self, pairs, power):
        numbers = [[len(pair.query), len(pair.item), int(pair.item_id[1:])] for pair in pairs]
        return np.array(numbers, np.float64).reshape(-1, 3) ** power + 1


UNCALIBRATED = CalibrationConfig.model_validate("none")


def kept(reference_size, ood, *, train=TRAIN, held_out=HELD_OUT, **more):
    model = Counting()
    config = None if ood is None else OODConfig.model_validate({"detector": KNN, **ood})
    keeping = Keeping(reference_size, config, UNCALIBRATED)
    found = keeping.of(model, train, held_out, rng=np.random.default_rng(0), **more)
    assert len(set(model.asked)) == len(model.asked)  # nothing twice
    return found, model.asked, keeping


@pytest.mark.parametrize("view", ["tuned", "frozen", "frozen.item", "tuned@2"])
@pytest.mark.parametrize(("size", "reference"), [(30, 10), (10, 30), (100, 100), (15, 0)])
def test_sizes_and_work(view, size, reference):
    found, asked, keeping = kept(reference, {"features": view, "size": size})
    assert set(found) == ({GAUGE, REFERENCE} if reference else {GAUGE})
    gauge = found[GAUGE]
    assert len(gauge.detector.state()["KNN.rows"]) == min(size, 50)
    assert len(gauge.held_out) == min(size, 20)
    if reference:
        made = found[REFERENCE]
        assert (len(made.pairs), len(made.held_out_pairs)) == (min(reference, 50), min(reference, 20))
        assert set(made.fit) == {TUNED, FROZEN, FeatureView.parse(view)}
        grades = {one.pair: one.grade for one in TRAIN}
        assert made.grades.tolist() == [grades[pair] for pair in made.pairs]
        for of, pairs in ((made.fit, made.pairs), (made.held_out, made.held_out_pairs)):
            alone = Counting().features(pairs, FROZEN, progress=None)
            np.testing.assert_array_equal(of[FROZEN].features, alone)
            np.testing.assert_array_equal(of[TUNED].features, np.sqrt(alone - 1) + 1)
    texts = FeatureView.parse(view).text != "pair"
    passes = sum(not texts or one != FeatureView.parse(view) for one, _ in asked)
    assert passes == sum(keeping.work(len(part)) for part in (TRAIN, HELD_OUT))


def test_the_gauge_is_that_of_a_reference_of_all_pairs():
    found, _, _ = kept(5, {})
    everything = take_reference(Counting(), TRAIN, HELD_OUT, rng=np.random.default_rng(0))
    expected = Gauge.fit(OODConfig(detector=KNN).detector, everything, TUNED)
    np.testing.assert_array_equal(found[GAUGE].held_out, expected.held_out)
    for name, array in expected.detector.state().items():
        np.testing.assert_array_equal(found[GAUGE].detector.state()[name], array)


def test_without_a_detector_the_reference_is_as_it_was():
    found, asked, keeping = kept(10, None)
    assert set(found) == {REFERENCE}
    expected = take_reference(Counting(), TRAIN, HELD_OUT, size=10, rng=np.random.default_rng(0))
    assert found[REFERENCE].pairs == expected.pairs
    assert found[REFERENCE].held_out_pairs == expected.held_out_pairs
    assert len(asked) == 40 == keeping.work(50) + keeping.work(20)
    assert kept(0, None)[:2] == ({}, [])


@pytest.mark.parametrize("few", [{"train": TRAIN[:2]}, {"held_out": ()}])
def test_too_few_pairs_cost_the_detector_and_not_the_model(few):
    told = Heard()
    found, _, _ = kept(10, {}, **few, progress=told)
    assert set(found) == {REFERENCE}
    (message,) = told.messages
    assert message.startswith("no detector is kept with the model (")


@pytest.fixture(scope="module")
def gauged(tmp_path_factory, tiny_llm):
    return saved_model(tmp_path_factory.mktemp("gauged") / "model", tiny_llm, {"detector": KNN})


def test_it_is_one_of_the_models_files(gauged):
    assert json.loads((gauged / "darl.json").read_text())["files"][GAUGE] == sha256_of(gauged / GAUGE)
    model, gauge = load_model(gauged), load_gauge(str(gauged))
    usual = gauge.ood_scores(model.predict([one.pair for one in toy_pairs(12, prefix="v")]))
    np.testing.assert_array_equal(np.sort(usual), gauge.held_out)
    found = gauge.percentiles(gauge.ood_scores(model.predict(PAIRS)))
    assert found.shape == (25,)
    assert ((found >= 0) & (found <= 100)).all()


def test_a_model_without_one(tmp_path, tiny_llm):
    assert load_gauge(saved_model(tmp_path / "model", tiny_llm)) is None
    load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "ood.safetensors is truncated or altered"),
        (lambda path: path.unlink(), "ood.safetensors is missing; copy the whole folder again"),
    ],
)
def test_a_damaged_file_is_refused(gauged, tmp_path, damage, told):
    folder = shutil.copytree(gauged, tmp_path / "model")
    damage(folder / GAUGE)
    for load in (load_gauge, load_model):
        with pytest.raises(CheckpointError, match=told):
            load(folder)


def test_the_file_of_another_model_is_refused(gauged, tmp_path, tiny_llm):
    bare = saved_model(tmp_path / "bare", tiny_llm)
    shutil.copy(gauged / GAUGE, bare / GAUGE)
    with pytest.raises(CheckpointError, match=r"not in darl\.json.*take it away"):
        load_gauge(bare)


def test_only_its_own_file_is_read(gauged, tmp_path):
    folder = shutil.copytree(gauged, tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    assert load_gauge(folder) is not None
    with pytest.raises(CheckpointError, match="expected a model folder"):
        load_gauge(tmp_path)
