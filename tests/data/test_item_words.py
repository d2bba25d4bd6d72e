"""What items have in common, beside a second, naive count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from darl.data.item_words import GENERIC_ITEMS, ItemWords, words_in
from darl.data.items import Item

ITEMS = [
    Item("a", "Red wool hat", fields=(("brand", "Acme"),)),
    Item("b", "Blue wool scarf", fields=(("brand", "Acme"),)),
    Item("c", "Garden hose"),
    Item("d", "!!!"),
]
SETS = [{"red", "wool", "hat", "acme"}, {"blue", "wool", "scarf", "acme"}, {"garden", "hose"}, set()]


def weight(word):
    return math.log(1 + len(ITEMS) / sum(word in one for one in SETS))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Boxes, Dresses & dishes", ["box", "dress", "dish"]),
        ("Women\u2019s WOMEN'S women's", ["women"] * 3),
        ('T-Shirts 14.5" X200', ["t-shirt", "14.5", "x200"]),
        ("glass bus", ["glass", "bus"]),
        ("東京タワー hat", ["東", "京", "タ", "ワ", "ー", "hat"]),
        ("ﬁne Straße", ["fine", "strasse"]),
        ("!?", []),
    ],
)
def test_words(text, words):
    assert [word for word, _, _ in words_in(text)] == words


def test_words_say_where_they_stand():
    text = "A red-ish Hat."
    assert [text[start:end] for _, start, end in words_in(text)] == ["A", "red-ish", "Hat"]


@pytest.mark.parametrize("words", [["wool", "hat"], ["hat"], ["wool", "wool", "unknown"], ["unknown"], []])
def test_coverage(words):
    known = [word for word in dict.fromkeys(words) if any(word in one for one in SETS)]
    total = sum(map(weight, known))
    expected = [sum(weight(w) for w in known if w in one) / total if total else 0 for one in SETS]
    np.testing.assert_allclose(ItemWords.of(ITEMS).coverage(words), expected)


@pytest.mark.parametrize("item", range(4))
def test_likeness(item):
    def length(words):
        return math.sqrt(sum(weight(word) ** 2 for word in words))

    expected = [
        sum(weight(word) ** 2 for word in one & SETS[item]) / (length(one) * length(SETS[item]) or 1)
        for one in SETS
    ]
    np.testing.assert_allclose(ItemWords.of(ITEMS).likeness(item), expected)


def test_generic_words_say_nothing_and_words_of_fields_do():
    items = [Item(str(i), f"w{i} for black thing{i} z") for i in range(GENERIC_ITEMS + 1)]
    words = ItemWords.of(items)
    assert words.weight("for") == words.weight("black") == words.weight("z") == words.weight("none") == 0
    assert words.weight("w3") > 0
    assert ItemWords.of(items[1:]).weight("for") > 0  # of no more than so many, none is generic
    coloured = [item._replace(fields=(("color", "Black"),)) for item in items]
    assert ItemWords.of(coloured).weight("black") > 0 == ItemWords.of(coloured).weight("for")
    assert not ItemWords.of(items).coverage(["for"]).any()
