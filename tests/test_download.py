from __future__ import annotations

import hashlib
import os
import socket

import pytest

from darl import download
from darl.download import fetch
from darl.errors import DownloadError
from darl.progress import Silent
from tests.web import Site, serving

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Counted(Silent):
    """Keeps what it is told of the bytes."""

    def __init__(self) -> None:
        self.totals: list[float] = []
        self.done: list[float] = []
        self.finished = 0

    def start(self, task: str, total: float, unit: str) -> None:
        self.totals.append(total)
        self.done.append(0.0)
        assert (task, unit) == ("a.bin", "B")

    def advance(self, n: float) -> None:
        self.done[-1] += n

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def site():
    with serving(Site({"a.bin": CONTENT})) as running:
        yield running


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "a.bin"


def get(site, path, **options):
    options = {"sha256": SHA256, "progress": Silent(), "first_wait": 0.0, "timeout": 5.0, **options}
    return fetch(f"{site.url}/a.bin", path, **options)


def files_beside(path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


def half_there(site, path) -> None:
    """Leave a download that broke off at 1,000 bytes and was not tried again."""
    site.breaks, site.statuses = [1000], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "ATTEMPTS", 1)
        with pytest.raises(DownloadError, match="received 1,000 before the connection closed"):
            get(site, path)
    assert files_beside(path) == ["a.bin.part", "a.bin.part.json"]
    site.requests.clear()


def test_a_file_is_fetched_whole_and_nothing_else_stays(site, path):
    progress = Counted()
    assert get(site, path, progress=progress) == path
    assert path.read_bytes() == CONTENT
    assert files_beside(path) == ["a.bin"]
    assert (progress.totals, progress.done, progress.finished) == ([len(CONTENT)], [len(CONTENT)], 1)


@pytest.mark.parametrize("sha256", [SHA256.upper(), None])
def test_a_file_that_is_there_and_right_is_not_fetched(site, path, sha256):
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    get(site, path, sha256=sha256)
    assert site.requests == []


def test_a_file_that_is_there_and_wrong_is_fetched(site, path):
    path.parent.mkdir()
    path.write_bytes(b"wrong")
    assert get(site, path).read_bytes() == CONTENT


def test_a_broken_connection_is_resumed_where_it_broke(site, path):
    site.breaks = [1000, 500]
    progress = Counted()
    get(site, path, progress=progress)
    assert path.read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == [None, "bytes=1000-", "bytes=1500-"]
    assert [request.get("If-Range") for request in site.requests] == [None, '"1"', '"1"']
    assert progress.totals == [len(CONTENT)] * 3
    assert progress.done == [1000, 1500, len(CONTENT)]
    assert progress.finished == 3


def test_a_later_call_resumes_what_an_earlier_one_left(site, path):
    half_there(site, path)
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == ["bytes=1000-"]
    assert files_beside(path) == ["a.bin"]


def test_a_server_without_ranges_is_read_from_the_start(site, path):
    half_there(site, path)
    site.ranges = False
    get(site, path)
    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_read_from_the_start(site, path):
    half_there(site, path)
    site.etag, site.files["a.bin"] = '"2"', CONTENT[::-1]
    get(site, path, sha256=None)
    assert path.read_bytes() == CONTENT[::-1]


def test_a_part_of_a_longer_file_is_thrown_away(site, path):
    half_there(site, path)
    site.files["a.bin"] = b"short"
    assert get(site, path, sha256=None).read_bytes() == b"short"


def test_a_range_that_begins_elsewhere_is_not_joined(site, path):
    half_there(site, path)
    site.wrong_range = True
    assert get(site, path).read_bytes() == CONTENT
    assert len(site.requests) == 2


def test_a_joined_file_that_is_wrong_is_fetched_once_more_from_the_start(site, path):
    site.etag = ""
    half_there(site, path)
    path.with_name("a.bin.part").write_bytes(b"x" * 1000)
    assert get(site, path).read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == ["bytes=1000-", None]


def test_a_part_without_notes_or_of_another_address_is_not_used(site, path):
    path.parent.mkdir()
    path.with_name("a.bin.part").write_bytes(b"x" * 10)
    site.files["b.bin"] = b"other"
    half_there(site, path)
    assert fetch(f"{site.url}/b.bin", path, sha256=None, progress=Silent()).read_bytes() == b"other"
    assert site.requests[0].get("Range") is None


def test_a_stop_before_the_notes_leaves_no_bytes_under_them(site, path, monkeypatch):
    half_there(site, path)
    site.etag = '"2"'

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        get(site, path)
    assert files_beside(path) == []


def test_a_part_that_is_already_whole_is_only_renamed(site, path):
    half_there(site, path)
    path.with_name("a.bin.part").write_bytes(CONTENT)
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert site.requests == []


def test_a_busy_server_is_asked_again(site, path):
    site.statuses = [503, 429, 500]
    get(site, path)
    assert len(site.requests) == 4


def test_a_server_that_stays_busy_is_given_up(site, path):
    site.statuses = [503] * 9
    with pytest.raises(DownloadError, match=r"HTTP 503 .*get the file by hand, put it at .*a\.bin"):
        get(site, path)
    assert len(site.requests) == download.ATTEMPTS


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_says_what_to_do(site, path, status):
    site.statuses = [status]
    with pytest.raises(DownloadError, match=rf"HTTP {status} .*put it at .*a\.bin and run the command again"):
        get(site, path)
    assert len(site.requests) == 1


def test_a_wrong_checksum_leaves_no_file(site, path):
    site.files["a.bin"] = b"something else"
    other = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DownloadError, match=f"SHA-256 {SHA256}, received one with {other}"):
        get(site, path)
    assert files_beside(path) == []
    assert len(site.requests) == 1


def test_a_wrong_checksum_keeps_the_file_that_was_there(site, path):
    path.parent.mkdir()
    path.write_bytes(b"mine")
    site.files["a.bin"] = b"something else"
    with pytest.raises(DownloadError):
        get(site, path)
    assert path.read_bytes() == b"mine"


def test_a_server_that_tells_no_length_is_read_to_its_end(site, path):
    site.tells_length = False
    progress = Counted()
    assert get(site, path, progress=progress).read_bytes() == CONTENT
    assert progress.totals == [0]


def test_an_empty_file_is_a_file(site, path):
    site.files["a.bin"] = b""
    assert get(site, path, sha256=None).read_bytes() == b""


def test_a_re_encoded_answer_is_refused(site, path):
    site.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(DownloadError, match="re-encoded"):
        get(site, path)


def test_an_unreachable_server_says_what_to_do(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a.bin"
    with pytest.raises(DownloadError, match=r"refused.*put it at"):
        fetch(url, path, sha256=None, progress=Silent(), first_wait=0.0)


def test_a_server_that_never_answers_is_given_up(path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.bin"
        with pytest.raises(DownloadError, match="timed out"):
            fetch(url, path, sha256=None, progress=Silent(), first_wait=0.0, timeout=0.05)


def test_waits_double(site, path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(download.time, "sleep", waits.append)
    site.statuses = [503] * 3
    get(site, path, first_wait=1.0)
    assert waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://x/a", "a.bin"])
def test_only_web_addresses_are_fetched(path, url):
    with pytest.raises(DownloadError, match="expected an http or https address"):
        fetch(url, path, sha256=None, progress=Silent())


def test_a_place_that_cannot_be_written_is_told(site, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot write it"):
        get(site, tmp_path / "file" / "a.bin")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208
