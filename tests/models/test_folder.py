import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from darl.errors import CheckpointError
from darl.files import CHUNK
from darl.models.folder import INDEX, TOKENIZERS, checked, faults_of, fingerprint
from tests.models.fake_wheels import encoder_files

MIB_OF_FLOATS = CHUNK // 4


@pytest.fixture
def folder(tmp_path):
    """A whole model."""
    for name, content in encoder_files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def large(folder):
    """A whole model whose weights are longer than what the fingerprint reads."""
    weights = np.arange(4 * MIB_OF_FLOATS, dtype=np.float32)
    save_file({"a": weights}, folder / "model.safetensors")
    return folder


def test_a_whole_folder_is_returned_as_it_is(folder):
    assert checked(folder) == folder


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_kind_of_tokenizer_file_will_do(folder, tokenizer):
    (folder / "tokenizer.json").rename(folder / tokenizer)
    assert faults_of(folder) == []


def test_an_empty_folder_names_all_three_faults(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        checked(tmp_path)
    text = str(caught.value)
    assert "config.json is missing" in text
    assert "there are no *.safetensors weights" in text
    assert "the tokenizer is missing: expected one of tokenizer.json" in text


def test_what_is_not_a_folder_is_said(folder):
    with pytest.raises(CheckpointError, match=r"config\.json is a file: expected a folder"):
        checked(folder / "config.json")
    with pytest.raises(CheckpointError, match="nowhere is not there"):
        checked(folder / "nowhere")


def test_pickled_weights_alone_are_refused_with_what_to_do(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    [fault] = faults_of(folder)
    assert "only pytorch_model.bin" in fault
    assert "can run code" in fault
    assert "save_pretrained" in fault


def test_an_adapter_is_recognised(folder):
    (folder / "config.json").rename(folder / "adapter_config.json")
    [fault] = faults_of(folder)
    assert "this is an adapter" in fault


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff"])
def test_a_damaged_config_is_refused(folder, content):
    (folder / "config.json").write_text(content, "utf-8", errors="surrogateescape")
    [fault] = faults_of(folder)
    assert "config.json is not a JSON object" in fault


def test_truncated_weights_are_refused(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    [fault] = faults_of(folder)
    assert f"expected {len(whole)} bytes, as its header says, received {len(whole) - 1}" in fault


@pytest.mark.parametrize(
    "content", [b"", b"\1\0", b"version https://git-lfs.github.com/spec/v1", b"\2" + b"\0" * 7 + b"[]"]
)
def test_weights_that_are_no_safetensors_file_are_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    [fault] = faults_of(folder)
    assert "model.safetensors is not a safetensors file" in fault


def test_a_shard_that_the_index_lists_must_be_there(folder):
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-3.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": shards}))
    faults = faults_of(folder)
    assert [fault.split(" is missing")[0] for fault in faults] == [
        "model-2.safetensors",
        "model-3.safetensors",
    ]


def test_a_copy_has_the_same_fingerprint_and_other_weights_another(folder, tmp_path_factory):
    def written(seed):
        copy = tmp_path_factory.mktemp("copy")
        for name in ("config.json", "model.safetensors"):
            (copy / name).write_bytes(encoder_files(seed)[name])
        return copy

    assert fingerprint(written(0)) == fingerprint(folder)
    assert fingerprint(written(1)) != fingerprint(folder)
    assert len(fingerprint(folder)) == 64


@pytest.mark.parametrize("offset", [0, CHUNK - 1, 3 * CHUNK, 4 * CHUNK - 1])
def test_the_fingerprint_sees_both_ends_of_the_data(large, offset):
    before = fingerprint(large)
    content = bytearray((large / "model.safetensors").read_bytes())
    content[len(content) - 4 * CHUNK + offset] ^= 1
    (large / "model.safetensors").write_bytes(content)
    assert faults_of(large) == []
    assert fingerprint(large) != before


def test_the_fingerprint_sees_the_config_a_name_a_shape_and_another_file(large):
    seen = {fingerprint(large)}
    weights = np.arange(4 * MIB_OF_FLOATS, dtype=np.float32)
    save_file({"b": weights}, large / "model.safetensors")
    seen.add(fingerprint(large))
    save_file({"b": weights.reshape(2, -1)}, large / "model.safetensors")
    seen.add(fingerprint(large))
    save_file({"b": weights[:-1]}, large / "model.safetensors")
    seen.add(fingerprint(large))
    (large / "config.json").write_text('{"model_type": "bert", "hidden_size": 5}')
    seen.add(fingerprint(large))
    save_file({"c": weights[:1]}, large / "more.safetensors")
    seen.add(fingerprint(large))
    assert len(seen) == 6


def test_tokenizer_and_other_files_are_not_part_of_it(folder):
    before = fingerprint(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "README.md").write_text("words")
    assert fingerprint(folder) == before


def test_what_is_not_whole_has_no_fingerprint(folder):
    (folder / "config.json").unlink()
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="has no fingerprint") as caught:
        fingerprint(folder)
    assert "config.json is missing" in str(caught.value)
    assert "model.safetensors is not" in str(caught.value)
