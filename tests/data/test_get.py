from __future__ import annotations

import hashlib

import pytest

from darl.data import get as module
from darl.data.get import PUBLIC, SUMS, get
from darl.errors import ConfigError, DataError, DownloadError
from tests.web import Site, serving

FILES = {f"dataset/{name}": name.encode() * 50 for name in ("query.csv", "product.csv", "label.csv")}


@pytest.fixture
def site():
    with serving(Site(dict(FILES))) as running:
        yield running


@pytest.fixture
def fetched(site, tmp_path):
    get("wands", tmp_path / "wands", base_url=f"{site.url}/dataset/")
    site.requests.clear()
    return tmp_path / "wands"


def again(site, folder):
    return get("wands", folder, base_url=f"{site.url}/dataset")


def digest(name: str) -> str:
    return hashlib.sha256(FILES[f"dataset/{name}"]).hexdigest()


def test_all_files_are_fetched_and_their_checksums_recorded(site, tmp_path):
    paths = again(site, tmp_path)
    assert [path.name for path in paths] == ["query.csv", "product.csv", "label.csv"]
    assert all(path.read_bytes() == FILES[f"dataset/{path.name}"] for path in paths)
    lines = [f"{digest(name)}  {name}" for name in ("label.csv", "product.csv", "query.csv")]
    assert (tmp_path / SUMS).read_text().splitlines() == lines


def test_what_is_there_is_kept(site, fetched):
    again(site, fetched)
    assert site.requests == []


def test_a_file_put_there_by_hand_is_kept_and_recorded(site, tmp_path):
    (tmp_path / "query.csv").write_bytes(b"by hand")
    again(site, tmp_path)
    assert (tmp_path / "query.csv").read_bytes() == b"by hand"
    assert hashlib.sha256(b"by hand").hexdigest() in (tmp_path / SUMS).read_text()


def test_a_file_that_was_damaged_since_is_fetched_again(site, fetched):
    (fetched / "label.csv").write_bytes(b"damaged")
    again(site, fetched)
    assert (fetched / "label.csv").read_bytes() == FILES["dataset/label.csv"]
    assert len(site.requests) == 1


def test_a_file_that_the_owner_changed_must_be_accepted_by_hand(site, fetched):
    (fetched / "label.csv").unlink()
    site.files["dataset/label.csv"] = b"new version"
    with pytest.raises(DownloadError, match=r"recorded at the first download.*delete its line there"):
        again(site, fetched)
    assert not (fetched / "label.csv").exists()
    lines = [line for line in (fetched / SUMS).read_text().splitlines() if "label" not in line]
    (fetched / SUMS).write_text("\n".join(lines) + "\n")
    again(site, fetched)
    assert (fetched / "label.csv").read_bytes() == b"new version"


def test_a_checksum_that_the_owner_publishes_wins(site, tmp_path, monkeypatch):
    monkeypatch.setattr(
        module,
        "PUBLIC",
        {"one": module.PublicCorpus("", "", "", (module.RemoteFile("query.csv", "", 1, "0" * 64),))},
    )
    with pytest.raises(DownloadError, match="expected a file with SHA-256 000000") as caught:
        get("one", tmp_path, base_url=f"{site.url}/dataset")
    assert "recorded" not in str(caught.value)


def test_a_file_that_is_missing_from_a_mirror_keeps_those_before_it(site, tmp_path):
    del site.files["dataset/label.csv"]
    with pytest.raises(DownloadError, match=r"HTTP 404 .*label\.csv"):
        again(site, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SUMS, "product.csv", "query.csv"]


def test_an_unknown_corpus_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="expected one of esci, wands, qbqtc, received 'trec'"):
        get("trec", tmp_path)


def test_a_file_of_checksums_that_is_none_is_refused(tmp_path):
    (tmp_path / SUMS).write_text("hello\n\n12  a\n")
    with pytest.raises(DataError, match="2 faults"):
        get("wands", tmp_path)
    (tmp_path / SUMS).write_bytes(b"\xff")
    with pytest.raises(DataError):
        get("wands", tmp_path)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_registry_is_complete(name):
    corpus = PUBLIC[name]
    assert corpus.home.startswith("https://github.com/")
    assert corpus.licence
    for file in corpus.files:
        assert file.url.startswith("https://")
        assert file.url.endswith(f"/{file.name}")
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
