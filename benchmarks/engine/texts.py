"""The pairs that are scored: real ESCI queries and titles, drawn with a fixed seed."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from darl.data.splits import split_by_query
from darl.errors import DataError, Fault
from darl.grades import GradeScale
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import GradedPair, Pair

JUDGED, TITLES = "esci_us.jsonl.gz", "esci_catalogue.jsonl.gz"
TRAIN_SHARE = 0.65


class Corpus(NamedTuple):
    """ESCI as the benchmark reads it: judged pairs, and titles that nobody judged for them."""

    graded: tuple[GradedPair, ...]
    titles: tuple[str, ...]


def load_corpus(folder: Path) -> Corpus:
    """Read both files.

    Raises:
        DataError: A file is missing.
    """
    missing = [name for name in (JUDGED, TITLES) if not (folder / name).is_file()]
    if missing:
        faults = [Fault(str(folder / name), 0, "", "expected the file, received none") for name in missing]
        raise DataError("the benchmark's texts (give their folder with --data FOLDER)", faults)
    scale = GradeScale()
    graded = tuple(
        GradedPair(
            Pair(row["query_id"], row["query"], row["item_id"], row["item"]), scale.index(row["grade"])
        )
        for row in _rows(folder / JUDGED)
    )
    return Corpus(graded, tuple(dict.fromkeys(row["item"] for row in _rows(folder / TITLES))))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def one_query(corpus: Corpus, items: int, seed: int = 0) -> list[Pair]:
    """A query with so many titles of the catalogue."""
    return many_queries(corpus, 1, items, seed)


def many_queries(corpus: Corpus, queries: int, items: int, seed: int = 0) -> list[Pair]:
    """So many queries with so many titles of the catalogue each; no title twice while they last."""
    rng = np.random.default_rng(seed)
    known = sorted({(one.pair.query_id, one.pair.query) for one in corpus.graded})
    chosen = [known[i % len(known)] for i in rng.permutation(max(len(known), queries))[:queries]]
    order = rng.permutation(len(corpus.titles))
    titles = [corpus.titles[order[i % len(order)]] for i in range(queries * items)]
    asked = [query for query in chosen for _ in range(items)]
    return [
        Pair(query_id, query, f"title-{i}", title)
        for i, ((query_id, query), title) in enumerate(zip(asked, titles, strict=True))
    ]


def judged_pool(corpus: Corpus, queries: int, items: int, seed: int = 0) -> list[Pair]:
    """Queries with items that were judged for them, in mixed order: what a grading job reads."""
    rng = np.random.default_rng(seed)
    by_query: dict[str, list[Pair]] = defaultdict(list)
    for one in corpus.graded:
        by_query[one.pair.query_id].append(one.pair)
    enough = [name for name in sorted(by_query) if len(by_query[name]) >= items]
    pool = [
        by_query[enough[i]][j]
        for i in rng.permutation(len(enough))[:queries]
        for j in rng.permutation(len(by_query[enough[i]]))[:items]
    ]
    return [pool[i] for i in rng.permutation(len(pool))]


def split(corpus: Corpus, train: int, valid: int, seed: int = 0) -> tuple[list[GradedPair], list[GradedPair]]:
    """Graded pairs to train on, and pairs of other queries to validate on.

    Raises:
        DataError: There are not so many.
    """
    rng = np.random.default_rng(seed)
    parts = split_by_query(corpus.graded, {"train": TRAIN_SHARE, "valid": 1 - TRAIN_SHARE}, rng)
    for name, n in (("train", train), ("valid", valid)):
        if len(parts[name]) < n:
            message = f"expected at least {n} {name} pairs, received {len(parts[name])}: ask for fewer"
            raise DataError("the benchmark's texts", [Fault(JUDGED, 0, "", message)])
    return tuple(  # type: ignore[return-value]
        [parts[name][i] for i in rng.permutation(len(parts[name]))[:n]]
        for name, n in (("train", train), ("valid", valid))
    )


def of_length(model: NeuralRelevanceModel, corpus: Corpus, tokens: int, n: int, seed: int = 0) -> list[Pair]:
    """One query with n items of exactly so many tokens each, cut from titles put end to end."""
    base = one_query(corpus, n, seed)
    rng = np.random.default_rng(seed)
    return [pair._replace(item=_cut(model, corpus.titles, tokens, rng)) for pair in base]


def _cut(model: NeuralRelevanceModel, titles: Sequence[str], tokens: int, rng: np.random.Generator) -> str:
    ids: list[int] = []
    while len(ids) < tokens:
        title = titles[int(rng.integers(len(titles)))]
        ids += model.tokenizer(" " + title, add_special_tokens=False)["input_ids"]
    return str(model.tokenizer.decode(ids[:tokens])).strip()


def endless(corpus: Corpus, items: int, seed: int = 0) -> Iterator[Pair]:
    """Pairs without end: one query after another, each with so many titles drawn afresh."""
    rng = np.random.default_rng(seed)
    queries = sorted({(one.pair.query_id, one.pair.query) for one in corpus.graded})
    number = 0
    while True:
        query_id, query = queries[int(rng.integers(len(queries)))]
        for i in rng.integers(len(corpus.titles), size=items):
            yield Pair(f"{query_id}-{number}", query, f"title-{i}", corpus.titles[i])
        number += 1
