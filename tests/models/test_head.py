"""Heads of other logits than one a grade: where they start, and that no other head is taken for one."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.files import sha256_of
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.checkpoint import load_model, save_model
from darl.models.config import ModelConfig
from darl.models.head import GradeHead, check_head, saved_head, start_head
from darl.objectives.coral import Coral
from darl.objectives.corn import Corn
from darl.objectives.softmax import Softmax
from darl.pipeline.export import export
from tests.tiny import save_causal, toy_pairs

PAIRS = [one.pair for one in toy_pairs(9)]
SCALE = GradeScale()
THRESHOLDS = pytest.mark.parametrize("name", ["coral", "corn"])


def built(backbone, objective, scale=SCALE, **more):
    return build_model(ModelConfig(backbone=str(backbone), objective=objective, **more), scale)


def random_head(n_grades, softcap=None, size=1.0):
    generator = torch.Generator().manual_seed(n_grades)
    weight, bias = (torch.randn(*shape, generator=generator) * size for shape in ((n_grades, 8), (n_grades,)))
    return GradeHead(weight, bias, softcap)


def features(n=20):
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("objective", [Coral(), Corn()])
@pytest.mark.parametrize("softcap", [None, 3.0])
def test_for_two_grades_it_starts_as_the_class_head(objective, softcap):
    """Exactly; where logits are squashed, as far as they are small."""
    classes = random_head(2, softcap, size=1.0 if softcap is None else 0.05)
    head = start_head(objective, classes)
    expected = classes(features()).softmax(dim=1)
    received = objective.grade_probs(head(features()))
    torch.testing.assert_close(received, expected, atol=1e-6 if softcap is None else 1e-3, rtol=0)


@pytest.mark.parametrize("n_grades", [3, 5])
def test_rows_start_as_the_means_above_less_those_below(n_grades):
    """CORN: less the row of the grade itself. By a loop over the rows."""
    classes = random_head(n_grades)
    coral, corn = start_head(Coral(), classes), start_head(Corn(), classes)
    rows = classes.weight.detach()
    for k in range(n_grades - 1):
        torch.testing.assert_close(corn.weight[k], rows[k + 1 :].mean(dim=0) - rows[k])
        bias = classes.bias[k + 1 :].mean() - classes.bias[: k + 1].mean()
        torch.testing.assert_close(coral.bias[k], bias + np.log((n_grades - 1 - k) / (k + 1)))
    apart = [rows[k + 1 :].mean(dim=0) - rows[: k + 1].mean(dim=0) for k in range(n_grades - 1)]
    torch.testing.assert_close(coral.weight, torch.stack(apart).mean(dim=0, keepdim=True))


def test_a_class_head_stays_to_the_bit():
    classes = random_head(4, softcap=2.0)
    head = start_head(Softmax(), classes)
    assert torch.equal(head(features()), classes(features()))
    assert head.softcap == 2.0


@pytest.mark.parametrize("objective", [Coral(), Corn()])
def test_a_difference_of_squashed_logits_is_squashed_at_twice_as_much(objective):
    """So that it reaches as far as class logits do that are squashed one by one, and no further."""
    classes = random_head(3, softcap=3.0, size=1e4)
    received = start_head(objective, classes)(features()).abs()
    assert received.max().item() == pytest.approx(6.0)
    spread = torch.cdist(classes(features())[:, :, None], classes(features())[:, :, None])
    assert spread.max().item() == pytest.approx(6.0)


def test_one_row_for_all_thresholds_never_contradicts_itself():
    """Logits of all texts are apart by the same amounts: what falls for one falls for all."""
    head = start_head(Coral(), random_head(5, softcap=None, size=10.0))
    with torch.no_grad():
        head.bias.copy_(torch.tensor([2.0, 1.0, 0.5, -3.0]))
    logits = head(features())
    assert (logits.diff(dim=1) < 0).all()
    torch.testing.assert_close(
        logits - logits[:, :1], (head.bias - head.bias[0]).expand(20, -1), atol=1e-4, rtol=0
    )


@THRESHOLDS
def test_untrained_it_says_what_the_lm_says_of_two_grades(tmp_path, name):
    backbone, scale = save_causal(tmp_path, "qwen2", tied=False), GradeScale(("weak", "strong"))
    expected = built(backbone, "softmax", scale).predict(PAIRS)
    received = built(backbone, name, scale).predict(PAIRS)
    assert received.logits.shape == (9, 1)
    np.testing.assert_allclose(received.grade_probs, expected.grade_probs, atol=1e-5)


def test_untrained_it_is_near_what_the_lm_says_of_more(tiny_llm):
    """With a row for each threshold in every grade; with one for all, on the whole."""
    expected = built(tiny_llm, "softmax").predict(PAIRS)
    np.testing.assert_allclose(
        built(tiny_llm, "corn").predict(PAIRS).grade_probs, expected.grade_probs, atol=0.01
    )
    np.testing.assert_allclose(built(tiny_llm, "coral").predict(PAIRS).scores, expected.scores, atol=0.01)


@THRESHOLDS
def test_a_blank_head_calls_all_grades_equally_likely(tiny_encoder, name):
    model = built(tiny_encoder, name)
    np.testing.assert_allclose(model.predict(PAIRS).grade_probs, np.full((9, 3), 1 / 3), atol=1e-6)
    assert model.predict([]).logits.shape == (0, 2)


@THRESHOLDS
def test_it_comes_back_from_its_folder_and_from_an_export(backbone, tmp_path, name):
    model = built(backbone, name)
    with torch.no_grad():
        for weight in model.trainable().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    before = model.predict(PAIRS)
    save_model(model, tmp_path / "model")
    after = load_model(tmp_path / "model").predict(PAIRS)
    np.testing.assert_array_equal(after.grade_probs, before.grade_probs)
    np.testing.assert_array_equal(after.logits, before.logits)
    export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32")
    np.testing.assert_allclose(load_model(tmp_path / "out").predict(PAIRS).logits, before.logits, atol=1e-4)


@THRESHOLDS
def test_an_export_is_squashed_as_its_original(tmp_path, name):
    backbone = save_causal(tmp_path / "backbone", "gemma2", strength=8.0)
    model = built(backbone, name)
    with torch.no_grad():
        model.scorer.head.weight.mul_(50.0)  # far enough for the squashing to count
    before = model.predict(PAIRS).logits
    assert 3.0 < np.abs(before).max() <= 6.0
    save_model(model, tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32")
    np.testing.assert_allclose(load_model(tmp_path / "out").predict(PAIRS).logits, before, atol=1e-3)


def replace_head(folder, head):
    """Another head in a model folder, that nobody can take for a damaged one."""
    save_file(head, folder / "head.safetensors")
    card = json.loads((folder / "darl.json").read_text())
    card["files"]["head.safetensors"] = sha256_of(folder / "head.safetensors")
    (folder / "darl.json").write_text(json.dumps(card))


@pytest.mark.parametrize("objective", ["softmax", "coral", "corn"])
def test_a_head_of_other_logits_is_refused(tiny_llm, tmp_path, objective):
    save_model(built(tiny_llm, objective), tmp_path / "model")
    export(tmp_path / "model", tmp_path / "out", PAIRS, form="float32")
    own = load_file(tmp_path / "model" / "head.safetensors")
    rows, n_logits = len(own["weight"]), len(own["bias"])
    width = own["weight"].shape[1]
    other = {"weight": torch.zeros(rows + 1, width), "bias": torch.zeros(n_logits + 1)}
    for folder in ("model", "out"):
        replace_head(tmp_path / folder, other)
    with pytest.raises(CheckpointError, match="size mismatch for weight"):
        load_model(tmp_path / "model")
    with pytest.raises(
        CheckpointError, match=f"expected {rows} rows and {n_logits} biases for 3 grades under"
    ):
        load_model(tmp_path / "out")
    replace_head(tmp_path / "out", {"weight": own["weight"]})
    with pytest.raises(CheckpointError, match="expected weight and bias, received no bias"):
        load_model(tmp_path / "out")


def test_what_is_refused_of_a_head():
    check_head(start_head(Coral(), random_head(3)), Coral(), 3)
    for head, objective in (
        (random_head(3), Coral()),
        (start_head(Coral(), random_head(3)), Corn()),
        (start_head(Corn(), random_head(3)), Softmax()),
        (saved_head(Coral(), 3, start_head(Corn(), random_head(3)).state_dict(), None), Coral()),
    ):
        with pytest.raises(ShapeError, match="head: expected"):
            check_head(head, objective, 3)


def test_class_weights_of_another_number_of_grades_are_told_before_weights_load():
    with pytest.raises(ConfigError, match="expected 3 numbers, one for each grade, received 2"):
        built("no/such-backbone", {"name": "softmax", "class_weights": [1, 2]})
