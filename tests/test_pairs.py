from __future__ import annotations

import pytest

from darl.pairs import GradedPair, Pair

PAIR = Pair("q1", "running shoes", "i1", "boots", "shoes", (("brand", "Acme"), ("color", "red")))


def test_a_field_is_found_by_name():
    assert PAIR.field("color") == "red"


def test_a_field_that_the_item_has_not_is_empty():
    assert PAIR.field("size") == ""


def test_domain_and_fields_are_optional():
    bare = Pair("q1", "running shoes", "i1", "boots")
    assert bare.domain == ""
    assert bare.fields == ()


def test_pairs_are_values():
    assert hash(PAIR) == hash(Pair(*PAIR))
    assert GradedPair(PAIR, 1) != GradedPair(PAIR, 2)
    with pytest.raises(AttributeError):
        PAIR.query = "other"  # type: ignore[misc]
