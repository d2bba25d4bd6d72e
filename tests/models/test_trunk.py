from contextlib import nullcontext

import pytest
import torch

from darl.grades import GradeScale
from darl.models.apart import Sides
from darl.models.build import build_model
from darl.models.config import AdapterConfig, ModelConfig
from darl.models.packed_attention import run_packed
from darl.models.packing import pack, shared_prefix
from darl.models.side_by_side import Row, run_row
from darl.models.trunk import PackedCache, RowCache, Trunk
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


def test_the_cache_gives_what_the_trunk_gives(model, ids, tmp_path):
    trunk, file = Trunk(model.scorer.body, 1), tmp_path / "trunk.bin"
    cache = PackedCache(trunk, ids, file).fill()
    distinct = {tuple(text[: end + 1]) for text in ids for end in range(len(text))}
    assert cache.states.shape == (len(distinct), 32)
    assert file.stat().st_size == len(distinct) * 32 * 4 == cache.size
    rows = [7, 2, 2, 11]
    packing = pack([ids[row] for row in rows])
    with torch.no_grad():
        whole = run_packed(model.scorer.body, packing)
        torch.testing.assert_close(
            run_packed(model.scorer.body, cache.skip(packing, rows)), whole, atol=1e-5, rtol=1e-5
        )


def test_the_cache_goes_with_a_shared_prefix(model, ids, tmp_path):
    cache = PackedCache(Trunk(model.scorer.body, 1), ids, tmp_path / "trunk.bin").fill()
    prefix, received = shared_prefix(ids), []
    with torch.no_grad():
        for rows in ([0, 1, 2], [3, 4], [5]):
            packing = cache.skip(pack([ids[row] for row in rows], prefix=prefix), rows)
            received.append(run_packed(model.scorer.body, packing)[packing.last])
        alone = pack(ids[:6])
        expected = run_packed(model.scorer.body, alone)[alone.last]
    torch.testing.assert_close(torch.cat(received), expected, atol=1e-5, rtol=1e-5)


def test_a_whole_file_is_used_again_and_a_half_one_is_not_left(model, ids, tmp_path, monkeypatch):
    trunk, file = Trunk(model.scorer.body, 1), tmp_path / "trunk.bin"

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("darl.models.trunk.PackedCache._places", stop)
        with pytest.raises(KeyboardInterrupt):
            PackedCache(trunk, ids, file).fill()
    assert list(tmp_path.glob("*trunk*")) == []
    first = PackedCache(trunk, ids, file).fill().states.clone()
    monkeypatch.setattr("darl.models.trunk.PackedCache._write", stop)
    torch.testing.assert_close(PackedCache(trunk, ids, file).fill().states, first, atol=0, rtol=0)


@pytest.fixture
def encoder(tiny_encoder):
    config = ModelConfig(backbone=str(tiny_encoder), adapter=AdapterConfig(upper_layers=1))
    return build_model(config, GradeScale())


@pytest.fixture
def apart(encoder):
    return Sides.of(encoder.prompt.encode(PAIRS)).texts


def test_an_encoder_skips_its_trunk_where_all_texts_of_a_row_are_known(encoder, apart, tmp_path):
    body, known = encoder.scorer.body, apart[:-1]
    trunk = Trunk(body, 1)
    assert trunk.skips_cleanly(Row.of(known))
    cache = RowCache(trunk, known, tmp_path / "trunk.bin").fill()
    assert cache.states.shape == (sum(map(len, known)), 32)
    some = [known[3], known[0], known[4], known[0]]
    row = Row.of(some)
    with torch.no_grad():
        whole = run_row(body, row)
        with cache.skipped(row, some):
            torch.testing.assert_close(run_row(body, row), whole, atol=1e-5, rtol=1e-5)
        cache.states += 1
        with cache.skipped(row, some):
            assert (run_row(body, row) - whole).abs().max() > 1e-2  # what the file has is what is read
        with_new = [known[0], apart[-1]]
        row = Row.of(with_new)
        expected = run_row(body, row)
        with cache.skipped(row, with_new):
            torch.testing.assert_close(run_row(body, row), expected, atol=0, rtol=0)


def test_long_texts_are_written_in_several_rows(encoder, apart, tmp_path, monkeypatch):
    whole = RowCache(Trunk(encoder.scorer.body, 1), apart, tmp_path / "whole.bin").fill()
    monkeypatch.setattr("darl.models.trunk.FILL_TOKENS", 5)
    parts = RowCache(Trunk(encoder.scorer.body, 1), apart, tmp_path / "parts.bin").fill()
    torch.testing.assert_close(parts.states, whole.states, atol=1e-5, rtol=1e-5)


def test_layers_that_are_not_in_one_list():
    body = torch.nn.Linear(2, 2)
    body.config = type("Config", (), {"get_text_config": lambda self: self, "num_hidden_layers": 3})()
    with pytest.raises(ValueError, match="one list of 3 layers"):
        Trunk(body, 1)


def test_around_is_nothing_by_default(ids):
    assert pack(ids[:2]).around is nullcontext
