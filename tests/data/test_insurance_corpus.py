import hashlib
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import combinations, groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darl.data.insurance.corpus import InsuranceCorpus
from darl.errors import ConfigError

CORPUS = InsuranceCorpus(train=2000, valid=600, pool=2000, test=1200)
SLICES = {name: CORPUS.load(name) for name in CORPUS.slices}


def fingerprint(pairs):
    return hashlib.sha256(repr(pairs).encode()).hexdigest()


def plain(text):
    kept = re.sub(r"[^\w\s]", "", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(kept.split())


def queries(pairs):
    return [next(group) for _, group in groupby((pair for pair, _ in pairs), key=lambda pair: pair.query_id)]


def origin(pair):
    return pair.domain.split("/")[0]


def line(pair):
    return pair.domain.split("/")[1]


def test_the_slices_are_those_promised():
    assert CORPUS.slices == ("train", "valid", "pool", "in_dist", "near_ood", "far_ood")
    assert CORPUS.grade_scale.names == ("irrelevant", "weak", "strong")


def test_default_sizes():
    corpus = InsuranceCorpus()
    assert [len(corpus.load(name)) for name in corpus.slices] == [2000, 400, 2000, 600, 600, 600]


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 90), st.integers(1, 30), st.sampled_from(CORPUS.slices))
def test_sizes_are_exact_and_only_the_last_query_is_cut(size, items, name):
    corpus = InsuranceCorpus(train=size, valid=size, pool=size, test=size, items_per_query=items)
    counts = list(Counter(pair.query_id for pair, _ in corpus.load(name)).values())
    assert sum(counts) == size
    assert all(count == items for count in counts[:-1])
    assert 1 <= counts[-1] <= items


def test_no_query_text_is_in_two_slices():
    texts = {name: {plain(pair.query) for pair, _ in pairs} for name, pairs in SLICES.items()}
    assert all(not texts[a] & texts[b] for a, b in combinations(texts, 2))


def test_slices_of_different_seeds_do_not_share_queries():
    other = {plain(pair.query) for pair, _ in InsuranceCorpus(seed=7).load("in_dist")}
    assert not other & {plain(pair.query) for pair, _ in SLICES["train"]}


@pytest.mark.parametrize("name", CORPUS.slices)
def test_a_query_has_one_text_one_domain_and_distinct_items(name):
    by_query = {}
    for pair, _ in SLICES[name]:
        by_query.setdefault(pair.query_id, []).append(pair)
    assert all(len({(p.query, p.domain) for p in pairs}) == 1 for pairs in by_query.values())
    assert all(len({p.item_id for p in pairs}) == len(pairs) for pairs in by_query.values())
    assert len({plain(pairs[0].query) for pairs in by_query.values()}) == len(by_query)


def test_query_ids_differ_between_slices():
    ids = [{pair.query_id for pair, _ in pairs} for pairs in SLICES.values()]
    assert sum(map(len, ids)) == len(set().union(*ids))


def test_an_item_id_has_one_text():
    texts = {}
    for pairs in SLICES.values():
        for pair, _ in pairs:
            assert texts.setdefault(pair.item_id, pair.item) == pair.item


def test_the_same_in_another_process():
    code = (
        "import hashlib; from darl.data.insurance.corpus import InsuranceCorpus;"
        "c = InsuranceCorpus(pool=300); print(hashlib.sha256(repr(c.load('pool')).encode()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {fingerprint(InsuranceCorpus(pool=300).load("pool"))}


def test_another_seed_gives_other_queries_and_products():
    pairs = InsuranceCorpus(seed=7, train=300).load("train")
    assert {pair.query for pair, _ in pairs}.isdisjoint(pair.query for pair, _ in SLICES["train"])
    assert {pair.item for pair, _ in pairs}.isdisjoint(pair.item for pair, _ in SLICES["train"])


def test_a_slice_does_not_depend_on_the_size_of_others_and_grows_at_its_end():
    small = InsuranceCorpus(train=100, valid=7, pool=13, test=50)
    for name in ("train", "valid", "in_dist", "near_ood", "far_ood"):
        pairs = small.load(name)
        assert pairs == SLICES[name][: len(pairs)]


@pytest.mark.parametrize("name", CORPUS.slices)
def test_grade_mix(name):
    counts = Counter(grade for _, grade in SLICES[name])
    shares = [counts[grade] / len(SLICES[name]) for grade in range(3)]
    assert 0.35 < shares[0] < 0.47
    assert 0.30 < shares[1] < 0.40
    assert 0.20 < shares[2] < 0.30


@pytest.mark.parametrize("name", ["in_dist", "near_ood", "far_ood"])
def test_test_slices_hold_their_origin_only(name):
    assert {origin(pair) for pair, _ in SLICES[name]} == {name}


@pytest.mark.parametrize("name", ["train", "valid"])
def test_training_slices_are_in_distribution(name):
    assert {origin(pair) for pair, _ in SLICES[name]} == {"in_dist"}


def test_lines():
    lines = {name: {line(pair) for pair, _ in pairs} for name, pairs in SLICES.items()}
    assert lines["train"] == {"health", "dental", "critical", "life", "accident", "income"}
    assert lines["near_ood"] == lines["in_dist"] == lines["train"]
    assert lines["far_ood"] == {"pet", "travel", "car", "home"}


def test_near_and_far_have_unseen_products_and_insurers():
    def values(name, of):
        return {of(pair) for pair, _ in SLICES[name]}

    for of in (lambda pair: pair.item_id, lambda pair: pair.field("insurer")):
        seen = values("train", of) | values("in_dist", of)
        assert not seen & values("near_ood", of)
        assert not seen & values("far_ood", of)
    insurers = [values(name, lambda pair: pair.field("insurer")) for name in ("train", "in_dist")]
    assert insurers[0] == insurers[1]


def test_in_dist_shows_products_of_train():
    seen = {pair.item_id for pair, _ in SLICES["train"]}
    shared = [pair.item_id in seen for pair, _ in SLICES["in_dist"]]
    assert sum(shared) / len(shared) > 0.5


@pytest.mark.parametrize(("share", "n_ood"), [(0.0, 0), (0.2, 12), (0.5, 30), (1.0, 60)])
def test_pool_holds_the_share_of_ood_queries_half_near_half_far(share, n_ood):
    pool = InsuranceCorpus(pool=600, pool_ood_share=share).load("pool")
    counts = Counter(origin(pair) for pair in queries(pool))
    assert counts["near_ood"] == counts["far_ood"] == n_ood / 2
    assert counts["in_dist"] == 60 - n_ood


def test_pool_origins_are_mixed():
    origins = [origin(pair) for pair, _ in SLICES["pool"]]
    assert {"in_dist", "near_ood", "far_ood"} == set(origins[:800]) == set(origins[-800:])


def test_fields_say_facts_of_the_item_and_nothing_of_the_query():
    names = {"insurer", "line", "covers", "excluded", "ages", "term", "check", "price"}
    by_item = {}
    for pair, _ in SLICES["pool"]:
        assert {"insurer", "line", "covers", "ages", "price"} <= set(dict(pair.fields)) <= names
        assert all(text for _, text in pair.fields)
        assert by_item.setdefault(pair.item_id, pair.fields) == pair.fields


def test_texts_are_compact():
    words = {name: [len(pair.item.split()) for pair, _ in pairs] for name, pairs in SLICES.items()}
    for counts in words.values():
        assert 12 <= sorted(counts)[len(counts) // 2] <= 32
        assert max(counts) <= 50
    assert all(len(pair.query.split()) <= 40 for pairs in SLICES.values() for pair, _ in pairs)


def test_all_bad_parameters_are_named_at_once():
    with pytest.raises(ConfigError) as error:
        InsuranceCorpus(seed=-1, train=0, valid=2.5, items_per_query=101, pool_ood_share=1.1)
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        "seed",
        "train",
        "valid",
        "items_per_query",
        "pool_ood_share",
    ]


@pytest.mark.parametrize("share", [float("nan"), "0.2", None, True])
def test_a_share_that_is_no_share_is_refused(share):
    with pytest.raises(ConfigError, match="pool_ood_share"):
        InsuranceCorpus(pool_ood_share=share)


def test_an_unknown_slice_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="train, valid, pool, in_dist, near_ood, far_ood, received 'test'"):
        CORPUS.load("test")


def test_many_items_per_query():
    pairs = InsuranceCorpus(train=300, items_per_query=100).load("train")
    assert len({(pair.query_id, pair.item_id) for pair, _ in pairs}) == 300
