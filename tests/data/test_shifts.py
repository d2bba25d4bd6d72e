import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.shifts import FRAMES, SHIFTS, misspelt, reworded, shifted
from darl.pairs import Pair


def edits(a, b):
    """Edit distance with swaps of neighbours (optimal string alignment)."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0, :] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = int(a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[-1, -1]


@given(st.text(alphabet="abcdef", min_size=4, max_size=12), st.integers(0, 1000))
def test_a_word_gets_one_slip_and_keeps_its_first_letter(word, seed):
    found = misspelt(word, np.random.default_rng(seed))
    assert edits(word, found) == 1
    assert found[0] == word[0]


@pytest.mark.parametrize(
    ("query", "slips"), [("red shoes", 1), ("running shoes women leather", 2), ("tv", 0)]
)
def test_half_of_the_longer_words(query, slips):
    for seed in range(20):
        words = misspelt(query, np.random.default_rng(seed)).split(" ")
        changed = [a != b for a, b in zip(query.split(" "), words, strict=True)]
        assert sum(changed) == slips


def test_all_kinds_of_slips_happen():
    lengths = {len(misspelt("keyboard", np.random.default_rng(seed))) for seed in range(30)}
    assert lengths == {7, 8, 9}


def test_a_reworded_query_holds_the_query():
    found = {reworded("red shoes", np.random.default_rng(seed)) for seed in range(60)}
    assert found == {frame.format("red shoes") for frame in FRAMES}


@pytest.mark.parametrize("kind", sorted(SHIFTS))
def test_pairs_keep_all_but_the_query_and_depend_on_it_alone(kind):
    pairs = [Pair(f"q{i // 2}", f"wireless keyboard {i // 2}", str(i), f"item {i}") for i in range(6)]
    found = shifted(pairs, kind, seed=1)
    assert [one._replace(query="") for one in found] == [one._replace(query="") for one in pairs]
    assert all(a.query != b.query for a, b in zip(found, pairs, strict=True))
    assert found[0].query == found[1].query
    assert shifted(pairs[::-1], kind, seed=1) == found[::-1]
    assert shifted(pairs, kind, seed=2) != found


def test_pairs_whose_query_stays_are_left_out():
    pairs = [Pair("1", "tv", "a", "x"), Pair("2", "keyboard", "b", "y")]
    assert [one.query_id for one in shifted(pairs, "misspelt")] == ["2"]
    assert len(shifted(pairs, "reworded")) == 2
