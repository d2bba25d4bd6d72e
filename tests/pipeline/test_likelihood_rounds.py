"""Rounds and studies whose detector reads likelihoods, not features."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from safetensors.numpy import load_file

from darl.catalogue import Component
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.base import FROZEN, FeatureView, predict_with
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.reference import take_reference
from darl.pipeline.dasa import find_candidates
from darl.pipeline.detection_study import parse_study, study_detection
from darl.pipeline.experiment import check_experiment, load_experiment
from darl.pipeline.select import parse_round
from darl.progress import Silent
from tests.pipeline.conftest import EXPERIMENT
from tests.tiny import toy_pairs

QUERY = FeatureView.parse("likelihood.query")
RATIO = Component(name="likelihood_ratio")


def faults(backbone, folder, **round_):
    raw = copy.deepcopy(EXPERIMENT)
    raw["model"]["backbone"] = str(backbone)
    raw["recipes"]["darl"]["stages"][1]["round"] = {"budget": 6, **round_}
    with pytest.raises(ConfigError) as caught:
        check_experiment(raw, folder / "x.yaml")
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("features", "detector", "told"),
    [
        ("frozen", "likelihood_ratio", "likelihood_ratio reads likelihoods, and frozen gives features"),
        (
            "tuned@1",
            "likelihood_ratio",
            "tuned@1 gives features: expected likelihood, likelihood.query or",
        ),
        ("likelihood.query", {"name": "knn", "k": 2}, "knn reads features, and likelihood.query gives"),
        (
            "likelihood",
            "ensemble",
            "ensemble reads features, and likelihood gives likelihoods: expected",
        ),
        (
            "likelihood.query",
            {"name": "ensemble", "detectors": ["likelihood_ratio", "knn"]},
            "ensemble: detectors: expected all to read features or all to read likelihoods",
        ),
        ("likelihood@4", "likelihood_ratio", "layer: expected none for a likelihood, received 4"),
        ("likelihoods", "likelihood_ratio", "or likelihood, then .query or .item, received 'likelihoods'"),
    ],
)
def test_a_detector_and_its_view_go_together(tiny_llm, tmp_path, features, detector, told):
    found = faults(tiny_llm, tmp_path, features=features, detector=detector)
    assert len(found) == 1
    assert found[0].startswith("recipes.darl.stages.1.round.")
    assert told in found[0]


def test_the_default_detector_reads_no_likelihood(tiny_llm, tmp_path):
    (found,) = faults(tiny_llm, tmp_path, features="likelihood.item")
    assert "round.detector: knn reads features, and likelihood.item gives likelihoods" in found


def test_it_is_told_with_all_other_faults(tiny_llm, tmp_path):
    found = faults(tiny_llm, tmp_path, detector="likelihood_ratio", budget=0, strategy="best")
    assert len(found) == 3
    assert any("detector: likelihood_ratio reads likelihoods" in fault for fault in found)


@pytest.mark.parametrize("features", ["frozen", "likelihood", "likelihood.query"])
@pytest.mark.parametrize("detector", ["entropy", "max_softmax"])
def test_what_reads_neither_takes_any_view(features, detector):
    parse_round({"budget": 1, "features": features, "detector": detector})


def test_an_encoder_is_refused_before_it_is_loaded(tiny_encoder, tmp_path):
    for backbone in ("minilm-l6", tiny_encoder):
        (found,) = faults(backbone, tmp_path, features="likelihood.query", detector="likelihood_ratio")
        assert "recipe darl: stage reach: likelihood.query: expected a causal LM as backbone" in found
        assert f"{backbone} is an encoder and has no likelihood" in found


@pytest.fixture(scope="module")
def model(tiny_llm):
    import torch

    made = build_model(ModelConfig(backbone=str(tiny_llm)), GradeScale())
    with torch.no_grad():
        for name, weight in made.trainable().items():
            if "lora_B" in name:
                weight.normal_(std=0.3, generator=torch.Generator().manual_seed(4))
    return made


@pytest.mark.parametrize(
    ("view", "alike"), [("likelihood.query", "frozen.query"), ("likelihood", "frozen"), ("frozen", "frozen")]
)
def test_strategies_see_what_is_alike(model, view, alike):
    """Two likelihoods score a pair; its neighbours are those of the same text's frozen features."""
    view, alike = FeatureView.parse(view), FeatureView.parse(alike)
    detector = {"likelihoods": "likelihood_ratio", "features": {"name": "knn", "k": 2}}[view.gives]
    round_ = parse_round({"budget": 3, "features": str(view), "detector": detector})
    train, pool = toy_pairs(12), [one.pair for one in toy_pairs(9, prefix="p")]
    kept = take_reference(model, train[:8], train[8:], views=(view,), rng=np.random.default_rng(0))
    found = find_candidates(model, kept, pool, round_)
    np.testing.assert_allclose(found.predictions.features, model.features(pool, alike), atol=1e-5)
    np.testing.assert_allclose(found.known, model.features([one.pair for one in train[:8]], alike), atol=1e-5)
    np.testing.assert_allclose(found.predictions.grade_probs, model.predict(pool).grade_probs, atol=1e-5)
    if view.gives == "likelihoods":
        base, tuned = predict_with(model, pool, view).features.T
        np.testing.assert_allclose(found.ood_scores, base - tuned, atol=1e-5)
        assert found.in_dist_scores.shape == (4,)
        assert np.abs(found.ood_scores).min() > 0


def test_only_likelihoods_are_compared_elsewhere():
    for view in map(FeatureView.parse, ("tuned", "frozen@2", "frozen.item")):
        assert view.alike == view
    assert FeatureView.parse("likelihood").alike == FROZEN


class Listener(Silent):
    def __init__(self):
        self.told = []

    def message(self, text):
        self.told.append(text)


def study(raw, write, out, **more):
    return study_detection({"shop": load_experiment(write(raw))}, out, **more)


def tried(found):
    return {(one.detector, one.view) for one in found}


def test_a_study_tries_it_where_it_can(raw, write, tmp_path):
    detectors = (RATIO, Component(name="knn", k=2), Component(name="entropy"))
    found = tried(study(raw, write, tmp_path / "out", detectors=detectors))
    assert {view for detector, view in found if detector == "likelihood_ratio"} == {"likelihood.query"}
    assert ("knn(k=2)", "likelihood.query") not in found
    assert {("knn(k=2)", "frozen.query"), ("entropy", "-")} <= found
    (kept,) = (tmp_path / "out" / "shop" / "scores").glob("*")
    scores = load_file(kept)
    assert np.abs(scores["likelihood.query likelihood_ratio far_ood"]).max() > 0


def test_a_study_passes_over_it_on_an_encoder(raw, write, tiny_encoder, tmp_path):
    raw["model"]["backbone"] = str(tiny_encoder)
    listener = Listener()
    detectors = (RATIO, Component(name="entropy"))
    found = study(raw, write, tmp_path / "out", detectors=detectors, progress=listener)
    assert tried(found) == {("entropy", "-")}
    told = f"likelihood.query: passed over, {tiny_encoder} is an encoder, which has no likelihood"
    assert listener.told.count(told) == 1


def test_a_study_of_likelihoods_alone_on_an_encoder(raw, write, tiny_encoder, tmp_path):
    raw["model"]["backbone"] = str(tiny_encoder)
    with pytest.raises(ConfigError, match="is an encoder, which has no likelihood: try other detectors"):
        study(raw, write, tmp_path / "out", detectors=(RATIO,))
    assert not (tmp_path / "out").exists()


def test_what_is_typed_for_a_study_goes_together():
    given = parse_study([{"name": "likelihood_ratio"}, {"name": "entropy"}], [])
    assert given == {"detectors": (RATIO, Component(name="entropy"))}
    assert parse_study([], ["likelihood.item"]) == {"views": (FeatureView.parse("likelihood.item"),)}
    with pytest.raises(ConfigError) as caught:
        parse_study([{"name": "likelihood_ratio"}, {"name": "entropy"}, {"name": "vim"}], ["tuned", "frozen"])
    assert len(caught.value.faults) == 1
    assert "likelihood_ratio reads likelihoods, and tuned gives features" in caught.value.faults[0]
    parse_study([{"name": "likelihood_ratio"}, {"name": "vim"}], ["tuned", "likelihood.query"])
