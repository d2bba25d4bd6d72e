import numpy as np
import pytest
import torch

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.base import FROZEN, TUNED, FeatureView, predict_with
from darl.models.build import build_model
from darl.models.config import ModelConfig
from darl.models.frozen_texts import FrozenTexts
from darl.pairs import Pair
from tests.models.test_neural import PAIRS
from tests.tiny import save_causal, save_encoder

LAYERS = 2


@pytest.fixture(scope="module", params=["causal", "encoder"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    backbone = save_causal(folder, seed=3) if request.param == "causal" else save_encoder(folder, seed=3)
    made = build_model(ModelConfig(backbone=str(backbone)), GradeScale())
    with torch.no_grad():
        for name, weight in made.trainable().items():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    return made


@pytest.mark.parametrize(
    "text",
    ["tuned", "frozen", "frozen.query", "tuned.item", "frozen@1", "tuned.query@12", "likelihood.query"],
)
def test_views_are_written_as_they_are_read(text):
    assert str(FeatureView.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "Frozen", "frozen.title", "frozen@0", "frozen@", "query", "frozen@1.item"]
)
def test_what_is_no_view(text):
    with pytest.raises(ValueError, match="expected tuned or frozen"):
        FeatureView.parse(text)


def states(model, tokens, layer):
    """(T, D) the body's states of one text, read alone."""
    body = model.scorer.body.get_base_model()
    kept = body.config._attn_implementation
    body.config._attn_implementation = "eager"
    inputs = {key: torch.tensor([row]) for key, row in tokens.items() if key != "segments"}
    try:
        with torch.inference_mode():
            found = body(**inputs, output_hidden_states=True).hidden_states[layer][0]
    finally:
        body.config._attn_implementation = kept
    return found


@pytest.mark.parametrize("text", ["query", "item"])
@pytest.mark.parametrize("layer", [None, 1])
@pytest.mark.parametrize("weights", ["tuned", "frozen"])
def test_a_text_alone_is_the_mean_over_its_tokens(model, text, layer, weights):
    found = model.features(PAIRS, FeatureView(weights, text, layer))
    for pair, row in zip(PAIRS, found, strict=True):
        (tokens,) = model.prompt.encode_alone([pair.query if text == "query" else pair.item])
        own = torch.tensor(tokens["segments"]) == 1
        assert 0 < own.sum() < len(own)
        with model._weights(weights):
            naive = states(model, tokens, LAYERS if layer is None else layer)[own].mean(dim=0)
        np.testing.assert_allclose(row, naive.numpy(), atol=2e-5)


def test_views_differ_and_the_pair_is_what_the_head_reads(model):
    np.testing.assert_array_equal(model.features(PAIRS, TUNED), model.predict(PAIRS).features)
    seen = [model.features(PAIRS, FeatureView.parse(text)) for text in ("tuned", "frozen", "tuned@1")]
    assert all(np.abs(a - b).max() > 1e-3 for a, b in [seen[:2], seen[1:], (seen[0], seen[2])])


def test_the_last_layer_by_number(model):
    np.testing.assert_allclose(
        model.features(PAIRS, FeatureView("tuned", "pair", LAYERS)), model.features(PAIRS, TUNED), atol=1e-5
    )


@pytest.mark.parametrize("view", ["frozen.query", "tuned.item@1", "frozen@1"])
def test_a_vector_depends_on_its_own_pair_only(model, view):
    view, order = FeatureView.parse(view), np.random.default_rng(0).permutation(len(PAIRS))
    together = model.features(PAIRS, view)
    np.testing.assert_allclose(model.features([PAIRS[i] for i in order], view), together[order], atol=1e-5)
    np.testing.assert_allclose(model.features(PAIRS[:1], view), together[:1], atol=1e-5)


def test_pairs_of_one_query_have_one_query_vector(model):
    pairs = [Pair("q", "red shoes", str(i), f"shoe {i}") for i in range(3)]
    found = model.features(pairs, FeatureView.parse("frozen.query"))
    assert (found == found[0]).all()
    assert np.abs(np.diff(model.features(pairs, FeatureView.parse("frozen.item")), axis=0)).max() > 1e-3


def test_a_layer_that_is_not_there(model):
    with pytest.raises(ConfigError, match=r"a layer from 1 to 2, received @3"):
        model.features(PAIRS, FeatureView("frozen", "pair", 3))


@pytest.mark.parametrize("view", ["tuned", "frozen.item", "tuned.query@1"])
def test_no_pairs(model, view):
    view = FeatureView.parse(view)
    assert model.features([], view).shape == (0, model.features(PAIRS[:1], view).shape[1])


@pytest.mark.parametrize("text", ["likelihood@1", "likelihood.query@3"])
def test_a_likelihood_is_of_no_layer(text):
    with pytest.raises(ValueError, match="layer: expected none for a likelihood, received"):
        FeatureView.parse(text)


@pytest.mark.parametrize("layer", [0, -1])
def test_layers_count_from_1(layer):
    with pytest.raises(ValueError, match="layer: expected at least 1"):
        FeatureView("tuned", "pair", layer)


def test_grades_are_the_models_whatever_the_view(model):
    seen, own = predict_with(model, PAIRS, FROZEN), model.predict(PAIRS)
    np.testing.assert_array_equal(seen.grade_probs, own.grade_probs)
    np.testing.assert_array_equal(seen.features, model.features(PAIRS, FROZEN))


@pytest.mark.parametrize("view", ["frozen.item", "frozen.query@1", "tuned.item"])
def test_a_model_that_remembers_frozen_texts_says_the_same(model, view, monkeypatch):
    at = FeatureView.parse(view)
    anew = model.features(PAIRS, at)
    monkeypatch.setattr(model, "frozen_texts", FrozenTexts())
    model.features(PAIRS[:2], FeatureView.parse("frozen.item@1"))  # of another layer: not to be mixed up
    for some in (PAIRS[:2], PAIRS):
        np.testing.assert_allclose(model.features(some, at), anew[: len(some)], atol=1e-5)
