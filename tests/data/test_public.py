from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.data.public import LeftOut, chosen, settle, sources
from darl.errors import ConfigError, DataError
from darl.pairs import GradedPair, Pair


def judged(*grades: int, item: str = "i") -> list[GradedPair]:
    return [GradedPair(Pair("q", "shoes", item, "boots"), grade) for grade in grades]


@pytest.mark.parametrize(
    ("grades", "settled"),
    [([2], 2), ([1, 1], 1), ([0, 2, 2], 2), ([2, 0], 0), ([2, 1, 2, 1], 1), ([0, 1, 2], 0)],
)
def test_the_most_frequent_grade_stands_and_of_equals_the_lower(grades, settled):
    assert settle(judged(*grades), LeftOut()) == judged(settled)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=20))
def test_each_pair_stays_once_in_the_order_of_its_first_judgement(judgements):
    given_pairs = [judged(grade, item=f"i{item}")[0] for item, grade in judgements]
    left_out = LeftOut()
    settled = settle(given_pairs, left_out)
    assert [one.pair for one in settled] == list(dict.fromkeys(one.pair for one in given_pairs))
    assert left_out.reasons["repeated judgements of a pair merged into one"] == len(given_pairs) - len(
        settled
    )


def test_what_was_merged_is_told(told):
    left_out = LeftOut()
    settle([*judged(0, 2), *judged(1, 1, item="j"), *judged(0, item="k")], left_out)
    left_out.tell(told, "corpus")
    assert told.messages == [
        "corpus: 2 repeated judgements of a pair merged into one",
        "corpus: 1 pairs judged differently: the most frequent grade stands, of equals the lower",
    ]


def test_missing_files_are_all_named(tmp_path):
    (tmp_path / "b").write_text("")
    with pytest.raises(DataError) as caught:
        sources(tmp_path, ("a", "b", "c"), "wands")
    assert [fault.file for fault in caught.value.faults] == [str(tmp_path / "a"), str(tmp_path / "c")]
    assert "of the wands corpus" in str(caught.value)


def test_an_option_has_known_values():
    chosen("locale", "us", ("us", "es"))
    with pytest.raises(ConfigError, match="locale: expected one of us, es, received 'de'"):
        chosen("locale", "de", ("us", "es"))
