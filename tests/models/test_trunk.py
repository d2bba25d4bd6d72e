from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.packed_attention import run_packed
from darl.models.packing import pack
from darl.models.trunk import Trunk, TrunkMemory
from tests.tiny import CAUSAL, WINDOWED, save_causal, toy_pairs

PAIRS = [one.pair for one in toy_pairs(12)]


@pytest.fixture(params=[*CAUSAL, *WINDOWED])
def model(request, tmp_path):
    folder = save_causal(tmp_path / "backbone", request.param)
    config = ModelConfig(backbone=str(folder), adapter=AdapterConfig(upper_layers=1))
    built = build_model(config, GradeScale())
    for name, weight in built.trainable().items():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return built


@pytest.fixture
def ids(model):
    return [text["input_ids"] for text in model.prompt.encode(PAIRS)]


def test_skipping_the_trunk_changes_nothing(model, ids):
    trunk, packing = Trunk(model.scorer.body, 1), pack(ids)
    assert trunk.skips_cleanly(packing)
    with torch.no_grad():
        whole = run_packed(model.scorer.body, packing)
        states = trunk.run(packing)
        with trunk.skipped(states):
            torch.testing.assert_close(run_packed(model.scorer.body, packing), whole, atol=1e-5, rtol=1e-5)
        with trunk.skipped(states * 0 + 1):
            # what the trunk gives is what is read
            assert (run_packed(model.scorer.body, packing) - whole).abs().max() > 1e-2
        torch.testing.assert_close(run_packed(model.scorer.body, packing), whole, atol=0, rtol=0)


def test_layers_are_themselves_after_an_error(model, ids):
    trunk, packing = Trunk(model.scorer.body, 1), pack(ids)
    with torch.no_grad():
        whole = run_packed(model.scorer.body, packing)
        with pytest.raises(KeyError), trunk.skipped(whole):
            raise KeyError
        torch.testing.assert_close(run_packed(model.scorer.body, packing), whole, atol=0, rtol=0)


def test_layers_that_are_not_in_one_list():
    body = torch.nn.Linear(2, 2)
    body.config = type("Config", (), {"get_text_config": lambda self: self, "num_hidden_layers": 3})()
    with pytest.raises(ValueError, match="one list of 3 layers"):
        Trunk(body, 1)


def test_around_is_nothing_by_default(ids):
    assert pack(ids[:2]).around is nullcontext


TEXTS = [[1, 2, 3], [4], [5, 6]]
STATES = [torch.full((len(text), 2), float(text[0])) for text in TEXTS]


def test_a_memory_finds_what_it_keeps(tmp_path):
    memory = TrunkMemory(tmp_path, 1)
    assert memory.lacks([[4], [4], [5, 6]]) == [[4], [5, 6]]
    memory.keep(TEXTS, STATES)
    assert memory.lacks([*TEXTS, [7]]) == [[7]]
    found = memory.find([[5, 6], [1, 2, 3], [5, 6]])
    torch.testing.assert_close(found, torch.cat([STATES[2], STATES[0], STATES[2]]), atol=0, rtol=0)
    assert not list(tmp_path.iterdir())  # its files have no name


def test_a_memory_of_another_trunk_begins_anew(tmp_path):
    memory = TrunkMemory(tmp_path, 1)
    memory.belongs_to("one")
    memory.keep(TEXTS, STATES)
    memory.belongs_to("one")
    assert not memory.lacks(TEXTS)
    memory.belongs_to("another")
    assert memory.lacks(TEXTS) == TEXTS


def test_a_memory_is_as_large_as_it_may_be(tmp_path, monkeypatch):
    monkeypatch.setattr("darl.models.trunk.CHUNK_BYTES", 32)  # four rows of 8 bytes
    memory = TrunkMemory(tmp_path, 64e-9)
    memory.keep(TEXTS, STATES)
    assert not memory.lacks(TEXTS)
    assert not memory.is_full
    memory.keep([[7, 8, 9]], [torch.zeros(3, 2)])
    assert memory.is_full
    assert memory.lacks([[7, 8, 9], *TEXTS]) == [[7, 8, 9]]
    torch.testing.assert_close(memory.find(TEXTS), torch.cat(STATES), atol=0, rtol=0)


def test_a_full_disk_is_a_full_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("darl.models.trunk.shutil.disk_usage", lambda _: SimpleNamespace(free=20))
    memory = TrunkMemory(tmp_path, 1)
    memory.keep(TEXTS, STATES)
    assert memory.is_full
    assert memory.lacks(TEXTS) == TEXTS
