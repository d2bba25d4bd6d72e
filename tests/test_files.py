from __future__ import annotations

import hashlib

import numpy as np
import pytest
from safetensors.numpy import save_file

from darl import files
from darl.files import sha256_of, whole_file, whole_folder, write_text


def test_a_whole_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "a.jsonl.gz"
    with whole_file(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
        assert temporary.name.endswith("a.jsonl.gz")
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["a.jsonl.gz"]


@pytest.mark.parametrize("made", ["file", "folder"])
def test_others_may_read_what_a_library_kept_to_its_owner(made, tmp_path):
    (tmp_path / "usual").touch()
    if made == "file":
        with whole_file(tmp_path / "a.safetensors") as temporary:
            save_file({"a": np.zeros(2)}, temporary)
            temporary.chmod(0o600)
        path = tmp_path / "a.safetensors"
    else:
        with whole_folder(tmp_path / "model") as temporary:
            save_file({"a": np.zeros(2)}, temporary / "a.safetensors")
            (temporary / "a.safetensors").chmod(0o600)
        path = tmp_path / "model" / "a.safetensors"
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_file_that_is_shared_keeps_the_rights_it_was_given(tmp_path):
    (tmp_path / "old").write_text("x")
    (tmp_path / "old").chmod(0o600)
    with whole_folder(tmp_path / "model") as temporary:
        (temporary / "a").hardlink_to(tmp_path / "old")
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o600


def test_a_block_that_raises_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def broken() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_whole_folder_replaces_the_old_one(tmp_path):
    path = tmp_path / "model"
    for content in ("first", "second"):
        with whole_folder(path) as temporary:
            (temporary / content).write_text(content)
    assert [p.name for p in path.iterdir()] == ["second"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_folder_whose_block_raises_leaves_the_old_one(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").write_text("old")

    def broken() -> None:
        with whole_folder(path) as temporary:
            (temporary / "new").write_text("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_text_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "a.txt", "Größe 大\n")
    assert (tmp_path / "a.txt").read_bytes() == "Größe 大\n".encode()


@pytest.mark.parametrize("size", [0, 1, 5, 16])
def test_the_checksum_is_that_of_the_whole_file(tmp_path, monkeypatch, size):
    monkeypatch.setattr(files, "CHUNK", 5)
    content = bytes(range(size))
    (tmp_path / "a.bin").write_bytes(content)
    assert sha256_of(tmp_path / "a.bin") == hashlib.sha256(content).hexdigest()
