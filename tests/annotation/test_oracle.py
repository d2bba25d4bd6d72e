import numpy as np
import pytest

from darl.annotation.oracle import Oracle
from darl.errors import DataError
from tests.annotation.made import PAIRS


def test_gold_in_the_order_of_the_pairs():
    oracle = Oracle({pair: i % 3 for i, pair in enumerate(PAIRS)})
    grades = oracle.annotate([PAIRS[4], PAIRS[0], PAIRS[2]])
    assert grades.tolist() == [1, 0, 2]
    assert grades.dtype == np.int64


def test_no_pairs():
    grades = Oracle({}).annotate([])
    assert grades.shape == (0,)
    assert grades.dtype == np.int64


def test_pairs_without_gold_are_named():
    with pytest.raises(DataError, match="each of 5 pairs") as raised:
        Oracle(dict.fromkeys(PAIRS[:3], 0)).annotate(PAIRS)
    assert len(raised.value.faults) == 2
    assert "query_id '3', item_id '00123'" in str(raised.value)


def test_the_same_ids_with_another_text_are_another_pair():
    with pytest.raises(DataError):
        Oracle({PAIRS[0]: 1}).annotate([PAIRS[0]._replace(item="another")])
