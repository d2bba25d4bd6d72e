"""What every corpus of the catalogue must keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from darl.data.catalogue import CORPORA
from darl.data.corpus import Corpus
from darl.data.splits import check_no_leak
from darl.errors import ConfigError

DOMAINS = ("shoes", "hats", "books")


def arguments(name: str, write_lines: Any) -> dict[str, Any]:
    if name == "insurance":
        return {"train": 300, "valid": 60, "pool": 200, "test": 60}
    rows = [
        {"query": f"{domain} {q}", "item": f"item {i}", "grade": i % 3, "domain": domain}
        for domain in DOMAINS
        for q in range(20)
        for i in range(5)
    ]
    path: Path = write_lines("graded.jsonl", *rows)
    return {"path": str(path), "in_dist": ["shoes", "hats"], "ood": {"far_ood": ["books"]}}


@pytest.fixture(params=sorted(CORPORA))
def corpus(request, write_lines) -> Corpus:
    return CORPORA[request.param](**arguments(request.param, write_lines))


def test_a_corpus_has_the_slices_that_training_needs_and_ood_ones(corpus):
    assert set(corpus.slices) > {"train", "valid", "pool", "in_dist"}
    assert len(set(corpus.slices)) == len(corpus.slices)


def test_slices_hold_pairs_with_grades_of_the_scale(corpus):
    for name in corpus.slices:
        part = corpus.load(name)
        assert isinstance(part, tuple)
        assert part
        assert all(0 <= one.grade < len(corpus.grade_scale) for one in part)
        assert all(one.pair.query.strip() and one.pair.item.strip() for one in part)


def test_every_grade_is_in_the_training_slice(corpus):
    assert {one.grade for one in corpus.load("train")} == set(range(len(corpus.grade_scale)))


def test_slices_share_no_query_that_matters(corpus):
    check_no_leak({name: [one.pair for one in corpus.load(name)] for name in corpus.slices})


def test_loading_twice_gives_the_same(corpus):
    assert all(corpus.load(name) == corpus.load(name) for name in corpus.slices)


def test_an_unknown_slice_is_a_config_error_that_lists_the_slices(corpus):
    with pytest.raises(ConfigError, match="in_dist"):
        corpus.load("no such slice")
