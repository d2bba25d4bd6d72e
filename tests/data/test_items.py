"""A catalogue from files: what is read, what is one item, and every fault with its place."""

from __future__ import annotations

import json

import pytest

from darl.data.cells import made_item_id
from darl.data.items import Item, digest_of_items, read_catalogue
from darl.errors import ConfigError, DataError

SHIRT = {
    "item_id": "a",
    "item": "Red shirt",
    "brand": "Acme",
    "category": ["Clothing", "Shirts"],
    "domain": "men",
}
HAT = {"item": "Wool hat", "brand": ""}


def faults(path, **more):
    with pytest.raises(DataError) as caught:
        read_catalogue(path, **more)
    return [(fault.line, fault.field, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz"])
def test_items_with_the_usual_fields_that_are_there(write_lines, name):
    first, second = read_catalogue(write_lines(name, SHIRT, HAT))
    assert first == Item("a", "Red shirt", "men", (("brand", "Acme"), ("category", "Clothing > Shirts")))
    assert second == Item(made_item_id("Wool hat"), "Wool hat")
    pair = first.asked("q", "shirt")
    assert (pair.query, pair.item_id, pair.field("brand"), pair.domain) == ("shirt", "a", "Acme", "men")


def test_fields_that_are_named_are_read_and_no_others(write_lines):
    path = write_lines("c.jsonl", SHIRT | {"size": 7}, HAT | {"size": 3})
    items = read_catalogue(path, item_fields=["brand"], fields=["size"])
    assert items[0].fields == (("brand", "Acme"), ("size", "7"))
    (fault,) = faults(path, item_fields=["colour"])
    assert fault[:2] == (0, "colour")
    assert "expected a column of this name, received the columns brand, category" in fault[2]
    with pytest.raises(ConfigError, match="'query' is read anyway"):
        read_catalogue(path, fields=["query"])


def test_a_csv_and_a_folder_of_files(tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "1.csv").write_text("item,brand\nRed shirt,Acme\n")
    (tmp_path / "all" / "2.jsonl").write_text(json.dumps(HAT) + "\n")
    (tmp_path / "all" / "_done").write_text("")
    assert [item.item for item in read_catalogue(tmp_path / "all")] == ["Red shirt", "Wool hat"]


def test_a_file_of_pairs_is_a_catalogue_too(write_lines, told):
    rows = [{"query": q, "item": i, "grade": "strong"} for q in "ab" for i in ("Hat", "hat ", "Shoe")]
    assert [one.item for one in read_catalogue(write_lines("p.jsonl", *rows), progress=told)] == [
        "Hat",
        "Shoe",
    ]
    (message,) = told.messages
    assert message.endswith("4 items stand there again")


def test_every_fault_at_once(write_lines):
    rows = [
        SHIRT,
        SHIRT | {"item": "Blue shirt"},
        {"item": " "},
        {"brand": "x"},
        "{",
        {"item": "b", "brand": {}},
    ]
    found = faults(write_lines("c.jsonl", *rows))
    assert [(line, field) for line, field, _ in found] == [
        (2, "item"), (3, "item"), (4, "item"), (5, ""), (6, "brand")
    ]  # fmt: skip
    assert found[0][2].startswith("expected one text for item_id 'a', received 'Blue shirt' and, in ")
    assert "c.jsonl:1, 'Red shirt'" in found[0][2]
    assert found[1][2] == "expected text, received an empty one"


def test_a_missing_column_is_told_once(write_lines):
    (fault,) = faults(write_lines("c.jsonl", {"title": "x"}, {"title": "y"}))
    assert fault == (0, "item", "expected a column of this name, received the columns title")


def test_bad_rows_are_set_aside(write_lines, tmp_path, told):
    path = write_lines("c.jsonl", SHIRT, {"item": None}, HAT)
    assert len(read_catalogue(path, bad_rows=tmp_path / "bad.jsonl", progress=told)) == 2
    (row,) = map(json.loads, (tmp_path / "bad.jsonl").open())
    assert (row["line"], row["row"]) == (2, {"item": None})
    assert told.messages == [f"{path}: 1 bad rows set aside in {tmp_path / 'bad.jsonl'}"]


@pytest.mark.parametrize("rows", [[HAT], [HAT, HAT], [HAT, {"item": "wool hat"}]])
def test_of_one_item_nothing_can_be_told(write_lines, rows):
    (fault,) = faults(write_lines("c.jsonl", *rows))
    assert fault[2] == "expected at least 2 different items, received 1: nothing to tell one from"


def test_nothing_there(write_lines, tmp_path):
    assert faults(write_lines("c.jsonl"))[0][2] == "expected rows, received an empty file"
    with pytest.raises(ConfigError, match="expected a file or a folder of files"):
        read_catalogue(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match="expected a file name that ends in"):
        read_catalogue(write_lines("c.txt", HAT))


def test_the_digest_knows_every_text():
    one, other = Item("a", "x", fields=(("brand", "y"),)), Item("a", "x", fields=(("brand", "z"),))
    assert digest_of_items([one]) == digest_of_items([one]) != digest_of_items([other])
