import json

import numpy as np
import pytest

from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.trunk import TrunkMemory
from darl.training.batches import Examples
from darl.training.config import TrainingConfig
from darl.training.encoded import lower_layers_once
from darl.training.loop import train_stage
from tests.tiny import save_causal, save_encoder, toy_pairs

TRAIN, VALID = toy_pairs(20), toy_pairs(8, prefix="v")


class Told:
    """Keeps what long work says."""

    def __init__(self):
        self.lines = []

    def start(self, task, total, unit):
        self.lines.append(task)

    def message(self, text):
        self.lines.append(text)

    def advance(self, n): ...

    def finish(self): ...

    def overall(self, done, total): ...


def trained(backbone, folder, upper_layers=1, reading="apart", **settings):
    config = ModelConfig(
        backbone=str(backbone), adapter=AdapterConfig(upper_layers=upper_layers), reading=reading
    )
    model, told = build_model(config, GradeScale()), Told()
    training = TrainingConfig(**{"epochs": 2, "batch_size": 6, "lr": 1e-2} | settings)
    train_stage(model, Examples(tuple(TRAIN)), VALID, training, seed=3, folder=folder, progress=told)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return model, lines, told.lines


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    return save_causal(tmp_path_factory.mktemp("llm"), "qwen3")


def losses(lines):
    return [line.get("loss", line.get("valid_loss")) for line in lines]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.mark.parametrize("kind", ["llm", "encoder"])
def test_training_with_the_lower_layers_kept_is_training(kind, tmp_path, request):
    backbone = request.getfixturevalue(kind)
    kept, kept_log, told = trained(backbone, tmp_path / "kept")
    anew, anew_log, silent = trained(backbone, tmp_path / "anew", trunk_cache_gb=0)
    assert told.index("lower layers, once") < told.index(
        "train stage"
    )  # one after the other, none in another
    assert "lower layers, once" not in silent
    np.testing.assert_allclose(losses(kept_log), losses(anew_log), atol=1e-4)
    pairs = [one.pair for one in VALID]
    np.testing.assert_allclose(kept.predict(pairs).grade_probs, anew.predict(pairs).grade_probs, atol=1e-3)
    assert not list((tmp_path / "kept").glob("*trunk*"))


def test_a_stage_of_texts_that_its_run_does_not_know_remembers_them_itself(llm, tmp_path):
    model = build_model(ModelConfig(backbone=str(llm), adapter=AdapterConfig(upper_layers=1)), GradeScale())
    memory, told = TrunkMemory(tmp_path, 1), Told()
    model.lower.remember(memory)
    model.lower.learn(model.prompt.encode([one.pair for one in VALID]))
    known = len(memory._known)
    texts = model.prompt.encode([one.pair for one in TRAIN])
    with lower_layers_once(model, texts, tmp_path / "stage", 1, told):
        assert model.lower.knows(texts)
    assert told.lines == ["lower layers, once"]
    assert not model.lower.knows(texts)
    assert len(memory._known) == known
    known_texts = model.prompt.encode([one.pair for one in VALID])
    with lower_layers_once(model, known_texts, tmp_path / "stage", 1, told):
        assert model.lower.knows(known_texts)
    with lower_layers_once(model, known_texts, tmp_path / "stage", 0, told):
        assert not model.lower.are_known
    assert told.lines == ["lower layers, once"]
    assert model.lower.are_known


def test_too_little_disk_is_said_and_worked_around(llm, tmp_path):
    _, log, told = trained(llm, tmp_path / "small", trunk_cache_gb=1e-7)
    assert any("trunk_cache_gb is 1e-07" in line for line in told)
    assert len(losses(log)) == len(losses(trained(llm, tmp_path / "kept")[1]))


@pytest.mark.parametrize("upper_layers", [2, None])
def test_an_adapter_on_all_layers_keeps_nothing(llm, tmp_path, upper_layers):
    assert "lower layers, once" not in trained(llm, tmp_path, upper_layers)[2]


def test_an_encoder_that_pads_its_texts_keeps_nothing(encoder, tmp_path):
    assert "lower layers, once" not in trained(encoder, tmp_path / "run", reading="joint")[2]


def test_an_encoder_reads_all_its_layers_again_whatever_ends_the_stage(encoder, tmp_path, monkeypatch):
    model, _, told = trained(encoder, tmp_path / "run")
    before = model.scorer.pooling.around

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("darl.training.loop._Loop._validate", stop)
    training = TrainingConfig(epochs=1, batch_size=6)
    with pytest.raises(KeyboardInterrupt):
        train_stage(model, Examples(tuple(TRAIN)), VALID, training, seed=3, folder=tmp_path / "again")
    assert model.scorer.pooling.around == before
    assert "lower layers, once" in told


@pytest.mark.parametrize("kind", [save_causal, save_encoder])
def test_gradient_checkpointing_changes_no_step(tmp_path, kind):
    backbone = kind(tmp_path / "backbone")
    for upper_layers in (None, 1):
        plain = trained(backbone, tmp_path / f"plain{upper_layers}", upper_layers)[1]
        model, saved, _ = trained(
            backbone, tmp_path / f"saved{upper_layers}", upper_layers, gradient_checkpointing=True
        )
        np.testing.assert_allclose(losses(saved), losses(plain), atol=1e-5)
        body = model.scorer.body.get_base_model()
        assert not any(getattr(one, "gradient_checkpointing", False) for one in body.modules())


def test_pairs_of_a_query_train_together(llm, tmp_path):
    _, log, _ = trained(llm, tmp_path, items_per_query=4)
    steps = [line for line in log if "loss" in line]
    # 20 pairs of 6 queries (4, 4, 3, 3, 3, 3) in batches of 6: no group is divided
    assert len(steps) >= 2 * 4
    assert np.isfinite(losses(log)).all()
