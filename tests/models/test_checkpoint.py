"""A model folder loads back to the same bits, or is refused with the reason."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from darl.errors import CheckpointError
from darl.grades import GradeScale
from darl.models.base import FROZEN, TUNED, FeatureView
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.reference import Reference, take_reference
from tests.tiny import save_causal, toy_pairs

GRADED = toy_pairs(12)
PAIRS = [one.pair for one in GRADED]


@pytest.fixture
def model(backbone):
    config = ModelConfig(
        backbone=backbone,
        objective={"name": "soft_grades", "sharpness": 1.5},
        adapter=AdapterConfig(rank=4, upper_layers=1),
    )
    model = build_model(config, GradeScale(("irrelevant", "weak", "strong")), seed=5)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return model


def test_predictions_come_back_bit_identical(model, tmp_path):
    before = model.predict(PAIRS)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    after = loaded.predict(PAIRS)
    for name, array in before.arrays().items():
        np.testing.assert_array_equal(array, after.arrays()[name])
    assert loaded.grade_scale == model.grade_scale
    assert loaded.config == model.config
    assert loaded.objective.sharpness == 1.5


def test_the_folder_is_of_standard_files_and_names_no_path_of_this_machine(model, tmp_path):
    save_model(model, tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"darl.json", "adapter_config.json", "adapter_model.safetensors", "head.safetensors"} <= names
    assert "tokenizer.json" in names
    assert json.loads((tmp_path / "model" / "adapter_config.json").read_text())["r"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_saving_again_replaces(model, tmp_path):
    save_model(model, tmp_path / "model")
    with torch.no_grad():
        model.scorer.head.bias.add_(torch.tensor([1.0, 2.0, 3.0]))
    save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict(PAIRS).logits, model.predict(PAIRS).logits
    )


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "head.safetensors", "tokenizer.json"])
def test_a_truncated_file_is_refused(model, tmp_path, name):
    save_model(model, tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=f"{name} is truncated or altered"):
        load_model(tmp_path / "model")
    path.unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_model(tmp_path / "model")


def test_not_a_model_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"expected a model folder with darl\.json .*or darl run\)$"):
        load_model(tmp_path)


def test_a_link_that_was_copied_says_where_it_leads(tmp_path):
    (tmp_path / "model").symlink_to("../stages/gone")
    with pytest.raises(CheckpointError, match=r"model: .* a link to \.\./stages/gone, which is not there"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        ('{"format": 1}', "expected format 2, received 1"),
        ('{"format": 2}', "cannot be read"),
    ],
)
def test_a_bad_card_is_refused(tmp_path, text, reason):
    (tmp_path / "darl.json").write_text(text)
    with pytest.raises(CheckpointError, match=reason):
        load_model(tmp_path)


def test_another_backbone_is_refused(tmp_path):
    here = save_causal(tmp_path / "here", seed=1)
    model = build_model(ModelConfig(backbone=str(here)), GradeScale())
    save_model(model, tmp_path / "model")
    moved = shutil.copytree(here, tmp_path / "moved")
    load_model(tmp_path / "model", backbone=str(moved))
    other = save_causal(tmp_path / "other", seed=2)
    with pytest.raises(CheckpointError, match="other weights"):
        load_model(tmp_path / "model", backbone=str(other))


def test_reference_comes_back(model, tmp_path):
    reference = take_reference(model, GRADED, GRADED[:5], size=7, rng=np.random.default_rng(0))
    assert len(reference.grades) == len(reference.fit[TUNED]) == len(reference.fit[FROZEN]) == 7
    assert len(reference.held_out[FROZEN]) == 5
    save_model(model, tmp_path / "model", reference)
    back = Reference.load(tmp_path / "model" / "reference.safetensors")
    np.testing.assert_array_equal(back.grades, reference.grades)
    assert (back.pairs, back.held_out_pairs) == (reference.pairs, reference.held_out_pairs)
    assert set(back.pairs) <= {one.pair for one in GRADED}
    for source in (TUNED, FROZEN):
        np.testing.assert_array_equal(back.fit[source].features, reference.fit[source].features)
        np.testing.assert_array_equal(back.held_out[source].logits, reference.held_out[source].logits)
    load_model(tmp_path / "model")


def test_a_reference_takes_further_views(model, tmp_path):
    view = FeatureView.parse("frozen.item")
    reference = take_reference(model, GRADED, GRADED[:5], size=7, rng=np.random.default_rng(0))
    further = reference.in_view(view, model)
    np.testing.assert_array_equal(further.fit[view].features, model.features(reference.pairs, view))
    np.testing.assert_array_equal(
        further.held_out[view].features, model.features([one.pair for one in GRADED[:5]], view)
    )
    np.testing.assert_array_equal(further.fit[view].logits, reference.fit[TUNED].logits)
    assert further.in_view(TUNED, model) is further


def test_a_reference_of_another_version_is_refused(tmp_path):
    save_file({"grades": np.zeros(2, np.int64), "fit.tuned.logits": np.zeros((2, 3))}, tmp_path / "old")
    with pytest.raises(CheckpointError, match="give graded training pairs"):
        Reference.load(tmp_path / "old")


def test_a_reference_cut_short_is_refused(model, tmp_path):
    take_reference(model, GRADED, GRADED[:5], rng=np.random.default_rng(0)).save(tmp_path / "cut")
    whole = (tmp_path / "cut").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a reference as this version"):
        Reference.load(tmp_path / "cut")
