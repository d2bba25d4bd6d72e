"""Vectors of texts that frozen weights have read are remembered."""

import numpy as np
import pytest

from darl.models.frozen_texts import FrozenTexts


@pytest.fixture
def read():
    """Reads a text as its length, and says what it was asked for."""

    def lengths(texts):
        lengths.asked.append(list(texts))
        return np.array([[len(text), 1.0] for text in texts], np.float32)

    lengths.asked = []
    return lengths


def test_a_set_of_texts_is_read_once_in_one_order(read):
    memory, skipped = FrozenTexts(), []
    np.testing.assert_array_equal(memory.of("a", ["xx", "y"], read, skipped.append), [[2, 1], [1, 1]])
    np.testing.assert_array_equal(memory.of("a", ["y", "xx"], read, skipped.append), [[1, 1], [2, 1]])
    assert read.asked == [["xx", "y"]]
    assert skipped == [2]


def test_texts_among_others_are_read_with_them(read):
    memory = FrozenTexts()
    for texts in (["xx", "y"], ["zzz", "y", "xx"], ["y"]):
        found = memory.of("a", texts, read, lambda _: None)
        np.testing.assert_array_equal(found[:, 0], [len(text) for text in texts])
    assert read.asked == [["xx", "y"], ["xx", "y", "zzz"], ["y"]]


def test_another_reader_reads_anew(read):
    memory = FrozenTexts()
    for reader in ("a", "b", "a"):
        memory.of(reader, ["xx"], read, lambda _: None)
    assert read.asked == [["xx"], ["xx"]]


def test_what_there_is_no_room_for_is_read_again(read):
    memory = FrozenTexts(limit_gb=16e-9)  # two vectors of eight bytes
    for _ in range(2):
        for texts in (["x", "yy"], ["zzz"]):
            found = memory.of("a", texts, read, lambda _: None)
            np.testing.assert_array_equal(found[:, 0], [len(text) for text in texts])
    assert read.asked == [["x", "yy"], ["zzz"], ["zzz"]]


def test_what_is_given_is_not_what_is_kept(read):
    memory = FrozenTexts()
    memory.of("a", ["xx"], read, lambda _: None)[:] = 9
    assert memory.of("a", ["xx"], read, lambda _: None)[0, 0] == 2
