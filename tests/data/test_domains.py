from __future__ import annotations

import json
from collections import Counter

import pytest

from darl.catalogue import Component, build
from darl.data.catalogue import CORPORA
from darl.data.domains import DomainCorpus
from darl.data.splits import check_no_leak, normalise_query
from darl.errors import ConfigError, DataError

DOMAINS = {"shoes": 40, "hats": 20, "tools": 20, "books": 10}
OOD = {"near_ood": ["tools"], "far_ood": ["books"]}


def rows() -> list[dict[str, object]]:
    return [
        {"query": f"{domain} {q}", "item_id": f"i{i}", "item": f"item {i}", "grade": i % 3, "domain": domain}
        for domain, queries in DOMAINS.items()
        for q in range(queries)
        for i in range(5 + q % 3)
    ]


@pytest.fixture
def path(write_lines):
    return write_lines("graded.jsonl", *rows())


def corpus(path, /, **changes) -> DomainCorpus:
    return DomainCorpus(**{"path": path, "in_dist": ["shoes", "hats"], "ood": OOD, **changes})


def domains_of(part) -> set[str]:
    return {one.pair.domain for one in part}


def queries_of(part) -> set[str]:
    return {one.pair.query for one in part}


def test_the_slices_hold_the_domains_that_they_should(path):
    made = corpus(path)
    assert made.slices == ("train", "valid", "pool", "in_dist", "near_ood", "far_ood")
    for name in ("train", "valid", "in_dist"):
        assert domains_of(made.load(name)) <= {"shoes", "hats"}
    assert domains_of(made.load("near_ood")) == {"tools"}
    assert domains_of(made.load("far_ood")) == {"books"}
    assert domains_of(made.load("pool")) >= {"shoes", "hats"}


def test_no_query_is_in_two_slices_and_the_shares_are_of_queries(path):
    made = corpus(path)
    slices = {name: made.load(name) for name in made.slices}
    check_no_leak({name: [one.pair for one in part] for name, part in slices.items()}, may_share=())
    assert {name: len(queries_of(slices[name])) for name in ("train", "valid", "in_dist")} == {
        "train": 30, "valid": 6, "in_dist": 12,
    }  # fmt: skip
    assert len(queries_of(slices["near_ood"])) == 10


def test_the_pool_has_its_share_of_ood_pairs_and_whole_queries(path):
    made = corpus(path)
    pool = made.load("pool")
    share = sum(one.pair.domain in ("tools", "books") for one in pool) / len(pool)
    assert share == pytest.approx(0.2, abs=0.04)
    counts = {text: sum(row["query"] == text for row in rows()) for text in queries_of(pool)}
    assert len(pool) == sum(counts.values())
    assert any("OOD pairs left out" in note for note in made.notes)


def test_ood_pairs_do_not_stand_at_one_end_of_the_pool(path):
    pool = corpus(path, pool_ood_share=0.5).load("pool")
    half = [one.pair.domain in ("tools", "books") for one in pool][: len(pool) // 2]
    assert 0.25 < sum(half) / len(half) < 0.75


def test_a_seed_gives_one_corpus_whatever_the_order_of_the_file(path, write_lines):
    again = write_lines("reversed.jsonl", *rows()[::-1])
    first, second, other = corpus(path), corpus(again), corpus(path, seed=1)
    for name in first.slices:
        assert queries_of(first.load(name)) == queries_of(second.load(name))
    assert queries_of(first.load("train")) != queries_of(other.load("train"))


def test_a_change_to_one_slice_leaves_the_others(path):
    one, other = corpus(path), corpus(path, sizes={"train": 20, "pool": 30})
    assert len(other.load("train")) == 20
    assert len(other.load("pool")) == 30
    for name in ("valid", "in_dist", "near_ood", "far_ood"):
        assert one.load(name) == other.load(name)
    assert queries_of(other.load("train")) < queries_of(one.load("train"))
    assert any(note.startswith("train: ") for note in other.notes)


def test_a_size_beyond_what_there_is_takes_all(path):
    assert corpus(path, sizes={"train": 10_000}).load("train") == corpus(path).load("train")


def test_a_query_of_two_domains_stays_on_one_side(write_lines):
    double = {"query": "SHOES 0!", "item_id": "x", "item": "x", "grade": 0, "domain": "books"}
    made = corpus(write_lines("a.jsonl", *rows(), double))
    seen = [normalise_query(one.pair.query) for one in made.load("far_ood")]
    assert "shoes 0" not in seen
    assert "1 pairs left out whose query is also in an earlier-named domain" in made.notes


def test_pairs_of_domains_that_are_not_named_are_left_out_and_told(path):
    made = corpus(path, in_dist=["shoes"])
    assert all("hats" not in domains_of(made.load(name)) for name in made.slices)
    n = sum(row["domain"] == "hats" for row in rows())
    assert f"{n:,} pairs of domains that are not named left out" in made.notes


def test_the_pool_can_do_without_ood(path):
    made = corpus(path, ood_pool_share=0, pool_ood_share=0)
    assert domains_of(made.load("pool")) <= {"shoes", "hats"}
    assert len(queries_of(made.load("far_ood"))) == 10
    assert len(queries_of(made.load("pool"))) == 12


def test_unknown_domains_are_listed_with_what_the_file_has(path):
    made = corpus(path, in_dist=["shoes", "boots"], ood={"far_ood": ["book"]})
    with pytest.raises(ConfigError) as caught:
        made.load("train")
    assert caught.value.faults[:2] == ("in_dist: unknown domain 'boots'", "far_ood: unknown domain 'book'")
    assert "'shoes' (239 pairs), 'hats' (119 pairs), 'tools' (119 pairs)" in caught.value.faults[2]


def test_too_few_queries_for_the_slices_are_refused(write_lines):
    few = [row for row in rows() if row["domain"] != "books" or row["query"] == "books 0"]
    with pytest.raises(DataError, match="at least one query for each of pool, far_ood, received 1"):
        corpus(write_lines("a.jsonl", *few)).load("train")


def test_an_unknown_slice_is_refused(path):
    with pytest.raises(ConfigError, match="expected one of train, valid, pool, in_dist, near_ood, far_ood"):
        corpus(path).load("test")


def test_grades_and_fields_are_those_of_the_config(write_lines):
    relabelled = [{**row, "grade": "good" if row["grade"] else "bad", "brand": "Acme"} for row in rows()]
    made = corpus(write_lines("a.jsonl", *relabelled), grades=["bad", "good"], item_fields=["brand"])
    assert made.grade_scale.names == ("bad", "good")
    assert {one.grade for one in made.load("train")} == {0, 1}
    assert made.load("train")[0].pair.field("brand") == "Acme"


def test_all_faults_of_the_options_are_told_together(path):
    with pytest.raises(ConfigError) as caught:
        DomainCorpus(
            path=str(path) + "x",
            in_dist="shoes",
            ood={"train": ["a"], "far": ["b", "b"], 3: ["c"], "none": []},
            grades=["a", "a"],
            item_fields=["query"],
            seed=True,
            shares={"train": 1.0},
            ood_pool_share=0,
            sizes={"q": 1, "pool": 0},
        )
    named = [fault.split(":")[0] for fault in caught.value.faults]
    assert named == [
        "path", "ood", "ood", "in_dist", "far", "none", "grades", "item_fields", "seed", "shares",
        "pool_ood_share", "sizes", "sizes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": 3}, "path: expected a file"),
        ({"in_dist": []}, "in_dist: expected a list of at least one domain"),
        ({"in_dist": ["shoes", "books"]}, "domain 'books' is named already, in in_dist"),
        ({"ood": {}}, "ood: expected at least one name"),
        ({"ood": ["books"]}, "ood: expected at least one name"),
        ({"grades": "ab"}, "grades: expected a list of names"),
        ({"item_fields": ["a", "a"]}, "item_fields: expected each name once"),
        ({"item_fields": [1]}, "item_fields: expected a list of column names"),
        ({"seed": -1}, "seed: expected a whole number of 0 or above"),
        ({"shares": {"train": 0.5, "valid": 0.5, "pool": 0.2, "in_dist": 0.2}}, "sum of 1, received 1.4"),
        ({"shares": {"train": "1", "valid": 0.5, "pool": 0.2, "in_dist": 0.2}}, "train: expected a number"),
        ({"ood_pool_share": 1}, "ood_pool_share: expected a number from 0 up to but not 1"),
        ({"pool_ood_share": float("nan")}, "pool_ood_share: expected a number from 0"),
        ({"sizes": [1]}, "sizes: expected slice names"),
        ({"sizes": {"train": 1.5}}, "sizes: train: expected a whole number"),
    ],
)
def test_a_wrong_option_is_told(path, change, message):
    with pytest.raises(ConfigError, match=message):
        corpus(path, **change)


def test_a_corpus_is_made_from_plain_config_values(path):
    entry = {"name": "domains", "path": str(path), "in_dist": ["shoes", "hats"], "ood": OOD}
    made = build("corpus", CORPORA, Component.model_validate(json.loads(json.dumps(entry))))
    assert made.load("near_ood") == corpus(path).load("near_ood")


def test_real_data_splits_without_a_leak(shared_data):
    made = DomainCorpus(
        shared_data / "dbpedia_entity.jsonl.gz",
        ["ListSearch", "INEX_LD (keyword)"],
        {"near_ood": ["SemSearch_ES (named entity)"], "far_ood": ["QALD2 (question)"]},
        sizes={"pool": 2000},
    )
    pool = made.load("pool")
    assert len(pool) == 2000
    assert sum(one.pair.domain.startswith(("Sem", "QALD")) for one in pool) == 400


def test_per_query_thins_every_query_and_does_not_mind_the_order_of_rows(path, write_lines):
    turned = write_lines("turned.jsonl", *reversed(rows()))
    pairs = [
        [one.pair for name in made.slices for one in made.load(name)]
        for made in (corpus(path, per_query=2), corpus(turned, per_query=2))
    ]
    assert max(Counter(pair.query for pair in pairs[0]).values()) == 2
    assert set(pairs[0]) == set(pairs[1])


def test_a_thin_pool_has_more_queries_of_what_is_new(path):
    def new(**options):
        pool = corpus(path, **options).load("pool")
        found = [one.pair.query for one in pool if one.pair.domain in ("tools", "books")]
        return len(found) / len(pool), len(set(found))

    (share, few), (thin_share, many) = new(), new(thin_pool=True)
    assert many > few
    assert thin_share == pytest.approx(share, abs=0.06)
    with pytest.raises(ConfigError, match="thin_pool: expected true or false, received 'yes'"):
        corpus(path, thin_pool="yes")


@pytest.mark.parametrize("value", [0, 1.5, True, "3"])
def test_per_query_is_a_whole_number(path, value):
    with pytest.raises(ConfigError, match="per_query: expected a whole number"):
        corpus(path, per_query=value)


def test_several_files_are_sources_with_ids_of_their_own(write_lines):
    one = write_lines("one.jsonl", *rows())
    other = write_lines(
        "other.jsonl",
        *({**row, "query": f"other {row['query']}", "domain": "pens"} for row in rows()[:60]),
    )
    made = DomainCorpus(path=[one, other], in_dist=["shoes", "hats"], ood={"far_ood": ["pens"]})
    far, known = made.load("far_ood"), made.load("train")
    assert {pair.query_id.partition("/")[0] for pair, _ in far} == {"other"}
    assert {pair.item_id.partition("/")[0] for pair, _ in known} == {"one"}
    alone = DomainCorpus(path=one, in_dist=["shoes", "hats"], ood={"far_ood": ["books"]})
    assert [(pair.query, pair.item, grade) for pair, grade in known] == [
        (pair.query, pair.item, grade) for pair, grade in alone.load("train")
    ]


def test_files_of_one_name_cannot_be_told_apart(path, tmp_path):
    twin = tmp_path / "folder" / path.name
    twin.parent.mkdir()
    twin.write_bytes(path.read_bytes())
    with pytest.raises(ConfigError, match="path: expected files of different names, received graded, graded"):
        corpus([path, twin])
    with pytest.raises(ConfigError, match="expected a file, or a list of files, received none"):
        corpus([])
