"""The example of a search engine with the server behind it, as a user runs it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from examples.rerank_sqlite import open_index, search
from tests.serve.made import save_served
from tests.serve.process import PATIENCE, Running

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "rerank_sqlite.py"
REAL = ROOT.parent / "shared" / "data" / "esci_catalogue.jsonl.gz"
ITEMS = [
    *[{"item_id": f"c{i}", "item": f"warm coat number {i}", "brand": f"brand {i % 3}"} for i in range(60)],
    {"item_id": "s", "item": "strong wool parka, a coat for winters", "brand": "northern", "color": None},
    {"item_id": "k", "item": "kettle"},
]


@pytest.fixture(scope="module")
def running(tmp_path_factory, tiny_llm):
    folder = save_served(tmp_path_factory.mktemp("example") / "model", tiny_llm)
    with Running(folder) as server:
        yield server


def catalogue(folder, items=ITEMS, suffix=".jsonl.gz"):
    text = "".join(json.dumps(item) + "\n" for item in items)
    path = folder / f"items{suffix}"
    if suffix.endswith(".gz"):
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


def run(*arguments, **environment):
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def test_what_the_engine_finds(tmp_path):
    path = catalogue(tmp_path, suffix=".jsonl")
    with open_index(path, tmp_path / "index") as index:
        hits = search(index, "winter coats", 50)
        assert len(hits) == 50
        assert hits[0].item["item_id"] == "s"  # the only one with both words
        assert [hit.place for hit in hits] == list(range(1, 51))
        assert search(index, 'kettle" OR (', 50)[0].item["item_id"] == "k"
        assert search(index, "?!", 50) == []
    with open_index(path, tmp_path / "index") as index:
        assert len(search(index, "coat", 100)) == 61


def test_the_server_ranks_what_the_engine_finds(tmp_path, running):
    ended = run("winter coat", "--catalogue", catalogue(tmp_path), "--server", running.url, "--show", 50)
    lines = ended.stdout.splitlines()
    assert ended.stderr == ""
    scores = [float(line.split(")")[1].split()[0]) for line in lines]
    assert len(scores) == 50
    assert scores == sorted(scores, reverse=True)
    with open_index(tmp_path / "items.jsonl.gz", tmp_path / "items.jsonl.fts5") as index:
        hits = search(index, "winter coat", 50)
    documents = [{"text": hit.item["item"], "brand": hit.item["brand"]} for hit in hits]
    reply = httpx2.post(f"{running.url}/v2/rerank", json={"query": "winter coat", "documents": documents})
    expected = [one["index"] + 1 for one in reply.json()["results"]]
    assert [int(line.split("(was")[1].split(")")[0]) for line in lines] == expected != sorted(expected)


def test_a_search_does_not_fail_because_the_server_does(tmp_path, running):
    path = catalogue(tmp_path)
    ended = run("winter coat", "--catalogue", path, "--server", "http://127.0.0.1:9")
    assert "not ranked by the server" in ended.stderr
    assert [int(line.split("(was")[1].split(")")[0]) for line in ended.stdout.splitlines()] == list(
        range(1, 11)
    )
    many = catalogue(tmp_path, [{"item": "coat"}] * 1100, ".jsonl")
    ended = run("coat", "--catalogue", many, "--server", running.url, "--candidates", 1100)
    assert "documents: expected at most 1,000, received 1,100" in ended.stderr
    assert len(ended.stdout.splitlines()) == 10


@pytest.mark.skipif(not REAL.exists(), reason="needs the catalogue of real products")
def test_on_real_products(tmp_path, running):
    ended = run(
        *("kindle case", "--catalogue", REAL, "--index", tmp_path / "index", "--server", running.url),
        *("--timeout", PATIENCE),
    )
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert len(lines) == 10
    with open_index(REAL, tmp_path / "index") as index:
        found = [hit.item["item"][:90] for hit in search(index, "kindle case", 50)]
    assert all(line.endswith(tuple(found)) for line in lines)
