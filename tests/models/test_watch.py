import time

import pytest

from darl.models.watch import bytes_in, watched
from tests.models.recorder import Recorder


def until(condition):
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_bytes_of_all_files_below_a_folder_links_not_followed(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x").write_bytes(b"12345")
    (tmp_path / "a" / "b" / "y").write_bytes(b"123")
    assert bytes_in(tmp_path) == 8
    (tmp_path / "link").symlink_to(tmp_path / "a" / "x")
    assert bytes_in(tmp_path) == 8
    assert bytes_in(tmp_path / "nowhere") == 0


def test_the_task_follows_the_folder_and_never_passes_the_whole(tmp_path):
    (tmp_path / "before").write_bytes(bytes(1000))
    progress = Recorder()
    with watched(progress, "fetch it", tmp_path, 100):
        (tmp_path / "part").write_bytes(bytes(40))
        until(lambda: progress.done == [40])
        (tmp_path / "part").write_bytes(bytes(10))
        (tmp_path / "copy").write_bytes(bytes(500))
        until(lambda: progress.done == [100])
        assert progress.open == 1
    assert progress.tasks == [("fetch it", 100, "B")]
    assert progress.open == 0


def test_the_task_is_finished_if_the_download_fails(tmp_path):
    progress = Recorder()
    with pytest.raises(OSError, match="unplugged"), watched(progress, "fetch it", tmp_path, 100):
        raise OSError("unplugged")
    assert progress.open == 0
