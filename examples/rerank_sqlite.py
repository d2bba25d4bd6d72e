"""A shop's search: SQLite's full-text index finds 50 items, `darl serve` ranks them.

    darl serve runs/first/model
    python examples/rerank_sqlite.py --catalogue shop/items.jsonl "waterproof winter boots"

Nothing but Python's standard library. The catalogue is a file of JSON lines, .gz or not, with `item` (the
text) and perhaps `item_id`, `brand` and `color`; the index is made beside it at the first call, or where
--index says.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

COLUMNS = ("item_id", "item", "brand", "color")
WEIGHTS = (0.0, 1.0, 0.5, 0.25)


class Hit(NamedTuple):
    """An item that was found.

    Attributes:
        item: Its row of the catalogue.
        place: Where the search engine ranked it, from 1 on.
        score: What the server says, 0 to 1; None = it was not asked, or did not answer.
        grade: The same.
    """

    item: dict[str, str]
    place: int
    score: float | None = None
    grade: str | None = None


def read_catalogue(path: Path) -> Iterator[tuple[str, ...]]:
    """Rows of the index."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            row = {"item_id": f"line {number}"} | json.loads(line)
            yield tuple(str(row.get(name) or "") for name in COLUMNS)


def open_index(catalogue: Path, index: Path) -> sqlite3.Connection:
    """The full-text index of a catalogue, made unless it is there."""
    connection = sqlite3.connect(index)
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone():
        with connection:
            # In one transaction, so that it is there whole or not at all.
            connection.execute("BEGIN")
            columns = ", ".join(["item_id UNINDEXED", *COLUMNS[1:]])
            connection.execute(
                f"CREATE VIRTUAL TABLE items USING fts5({columns}, tokenize = 'porter unicode61')"
            )
            connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", read_catalogue(catalogue))
    return connection


def search(connection: sqlite3.Connection, query: str, n: int) -> list[Hit]:
    """The n best items by BM25 that have any of the query's words."""
    words = re.findall(r"\w+", query)
    if not words:
        return []
    weights = ", ".join(map(str, WEIGHTS))
    rows = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM items WHERE items MATCH ? ORDER BY bm25(items, {weights}) LIMIT ?",
        (" OR ".join(f'"{word}"' for word in words), n),
    )
    return [Hit(dict(zip(COLUMNS, row, strict=True)), place) for place, row in enumerate(rows, start=1)]


def rerank(hits: list[Hit], query: str, server: str, key: str, seconds: float) -> list[Hit]:
    """The same items, as the server ranks them.

    Raises:
        urllib.error.HTTPError: It refused.
        OSError: It cannot be reached, or did not answer in time.
    """
    # The model's prompt takes the fields that it knows, and passes over all others.
    documents = [
        {"text": hit.item["item"], "brand": hit.item["brand"], "color": hit.item["color"]} for hit in hits
    ]
    body = {"query": query, "documents": documents, "darl": True}
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(f"{server}/v2/rerank", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=seconds) as reply:
        results: list[dict[str, Any]] = json.load(reply)["results"]
    return [
        hits[one["index"]]._replace(score=one["relevance_score"], grade=one["darl"]["grade"])
        for one in results
    ]


def find(connection: sqlite3.Connection, query: str, asked: argparse.Namespace) -> list[Hit]:
    """What a shopper sees. A search does not fail because the server does: then the engine's order stays."""
    hits = search(connection, query, asked.candidates)
    if not hits:
        return []
    try:
        return rerank(hits, query, asked.server, os.environ.get("DARL_KEY", ""), asked.timeout)
    except OSError as error:
        told = json.load(error)["message"] if isinstance(error, urllib.error.HTTPError) else error
        print(f"not ranked by the server: {told}", file=sys.stderr)
        return hits


def main(arguments: list[str] | None = None) -> None:
    """Search, rank, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("query")
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--index", type=Path, help="[default: beside the catalogue]")
    parser.add_argument("--server", default="http://127.0.0.1:8080", help="a key comes from $DARL_KEY")
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds that the server has")
    asked = parser.parse_args(arguments)
    connection = open_index(asked.catalogue, asked.index or asked.catalogue.with_suffix(".fts5"))
    for rank, hit in enumerate(find(connection, asked.query, asked)[: asked.show], start=1):
        told = f"{hit.score:.3f} {hit.grade}" if hit.score is not None else "-"
        print(f"{rank:3d}  (was {hit.place:2d})  {told:18s}  {hit.item['item'][:90]}")


if __name__ == "__main__":
    main()
