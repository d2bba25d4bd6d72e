"""Pairs of a catalogue: what is asked, what is graded how, and that a seed says it all."""

from __future__ import annotations

import numpy as np
import pytest

from darl.data.item_words import ItemWords, words_in
from darl.data.items import Item, read_catalogue
from darl.data.pseudo_queries import LONGEST, pseudo_query
from darl.data.splits import normalise_query
from darl.data.warm import ALIEN, KIN, Shape, warm_pairs, warm_rng
from darl.errors import DataError
from darl.grades import GradeScale

BRANDS, COLOURS = ("Acme", "Globex", "Initech"), ("Red", "Blue", "Green", "Black")
KINDS = {"Running Shoes": "trail runner", "Garden Hoses": "coiled hose", "Wool Hats": "beanie"}
ITEMS = [
    Item(f"{i}{j}{k}", f"{brand} {thing} model{i}{j}{k}, {colour} - for all weathers", "shop",
         (("brand", brand), ("color", colour), ("category", f"Shop > {kind}")))
    for i, brand in enumerate(BRANDS) for j, colour in enumerate(COLOURS)
    for k, (kind, thing) in enumerate(KINDS.items())
]  # fmt: skip
THREE, FIVE = GradeScale(), GradeScale(("none", "hint", "part", "most", "all"))
SHAPE = Shape(60, 2, 2)


def made(scale=THREE, shape=SHAPE, seed=0, items=ITEMS, **more):
    return warm_pairs(items, scale, shape, warm_rng(seed), **more)


def queries_of(pairs):
    found = {}
    for one in pairs:
        found.setdefault(one.pair.query, []).append(one)
    return found


@pytest.fixture(scope="module")
def words():
    return ItemWords.of(ITEMS)


@pytest.mark.parametrize("seed", range(5))
def test_pseudo_queries_are_of_the_items_own_words(words, seed):
    rng = np.random.default_rng(seed)
    for item in ITEMS:
        own = {
            word for text in (item.item, *(text for _, text in item.fields)) for word, _, _ in words_in(text)
        }
        if query := pseudo_query(item, words, rng):
            found = [word for word, _, _ in words_in(query)]
            assert set(found) <= own
            assert any(words.weight(word) for word in found)
            assert query == query.lower() == " ".join(query.split())
            assert len(found) <= LONGEST


def test_there_are_queries_of_every_kind(words):
    rng = np.random.default_rng(0)
    item = ITEMS[0]
    asked = {pseudo_query(item, words, rng) for _ in range(400)}
    assert {"acme trail runner", "trail runner", "running shoes", "acme running shoes"} <= asked
    assert {"running shoes acme", "red running shoes"} <= asked
    assert any(query.split()[0].startswith("model") and "acme" in query for query in asked)  # another order
    assert not any("for all" in query and query.endswith("for") for query in asked)


def test_an_item_without_fields_is_asked_for_by_its_title(words):
    rng = np.random.default_rng(0)
    asked = {pseudo_query(Item("x", "Acme beanie"), words, rng) for _ in range(50)}
    assert "acme beanie" in asked
    assert asked <= {"", "acme", "beanie", "acme beanie", "beanie acme"}
    assert pseudo_query(Item("x", "?!"), words, rng) == ""


def test_the_item_itself_is_highest_and_near_misses_lack_a_word(words):
    found = queries_of(made())
    assert len(found) == 60
    by_id = {item.item_id: row for row, item in enumerate(ITEMS)}
    for query, graded in found.items():
        rows = [by_id[one.pair.item_id] for one in graded]
        coverage = words.coverage(word for word, _, _ in words_in(query))
        likeness = words.likeness(rows[0])
        assert [one.grade for one in graded] == sorted((one.grade for one in graded), reverse=True)
        assert [one.grade for one in graded].count(2) == 1
        assert coverage[rows[0]] == pytest.approx(1)
        assert len(set(rows)) == len(rows)
        for row, one in zip(rows[1:], graded[1:], strict=True):
            assert coverage[row] < 1
            if one.grade == 1:
                assert likeness[row] >= KIN or (likeness[row] > ALIEN and coverage[row] > 0.5)
            else:
                assert likeness[row] <= ALIEN
                assert coverage[row] <= 0.5
    assert {len(graded) for graded in found.values()} >= {5}


def test_the_nearer_of_five_grades_has_more_of_the_query(words):
    by_id = {item.item_id: row for row, item in enumerate(ITEMS)}
    pairs = made(FIVE, Shape(80, 3, 1))
    assert {one.grade for one in pairs} >= {0, 1, 2, 4}
    for one in pairs:
        covered = words.coverage(word for word, _, _ in words_in(one.pair.query))[by_id[one.pair.item_id]]
        if 0 < one.grade < 4:
            assert one.grade == 1 + int(covered * 3)


def test_of_two_grades_near_misses_have_the_lower():
    pairs = made(GradeScale(("no", "yes")), Shape(40, 1, 0))
    found = queries_of(pairs)
    assert all(sorted(one.grade for one in graded) == [0, 1] for graded in found.values())


def test_a_seed_says_it_all():
    assert made() == made()
    assert made() != made(seed=1)


def test_each_item_in_turn():
    tops = [one.pair.item_id for one in made(shape=Shape(len(ITEMS), 1, 0)) if one.grade == 2]
    assert len(set(tops)) > 0.8 * len(ITEMS)


def test_no_query_stands_twice():
    asked = [normalise_query(query) for query in queries_of(made(shape=Shape(200, 1, 1)))]
    assert len(set(asked)) == len(asked)
    ids = {one.pair.query_id: one.pair.query for one in made(shape=Shape(200, 1, 1))}
    assert len(ids) == len(asked)


def test_it_says_what_was_made(told):
    pairs = made(shape=Shape(10, 1, 1), progress=told)
    strong = sum(one.grade == 2 for one in pairs)
    (message,) = told.messages
    assert message.startswith(f"10 pseudo-queries of 36 items: {len(pairs)} pairs (")
    assert f"{strong} strong)" in message


def test_fewer_queries_than_wanted_are_told(told):
    made(items=[Item("a", "hat"), Item("b", "shoe")], shape=Shape(50, 1, 1), progress=told)
    assert told.messages == ["2 pseudo-queries of 2 items: 4 pairs (2 irrelevant, 0 weak, 2 strong)"]


@pytest.mark.parametrize("titles", [("!!!", "???"), ("x", "y"), ("red hat", "hat red")])
def test_titles_that_tell_nothing_apart(titles):
    with pytest.raises(DataError, match="expected titles with words that tell items apart"):
        made(items=[Item(str(i), title) for i, title in enumerate(titles)])


def test_the_esci_catalogue(shared_data, told):
    items = read_catalogue(shared_data / "esci_catalogue.jsonl.gz")
    found = queries_of(warm_pairs(items, GradeScale(), Shape(100), warm_rng(0), told))
    assert len(found) == 100
    assert np.mean([len(graded) == 3 for graded in found.values()]) > 0.9
