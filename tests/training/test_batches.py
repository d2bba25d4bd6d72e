"""Which pairs a step sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.training.batches import Examples, micro_batches, shares, shuffled_batches
from tests.tiny import toy_pairs

PAIRS = tuple(toy_pairs(30))


@given(st.integers(0, 20), st.integers(0, 30), st.floats(0, 0.9), st.integers(0, 5))
def test_an_epoch_has_all_of_main_and_the_stated_share_of_replay(main, stock, share, seed):
    examples = Examples(PAIRS[:main], PAIRS[:stock], share)
    rows = examples.epoch(np.random.default_rng(seed))
    assert len(rows) == len(set(rows)) == len(examples)
    assert set(range(main)) <= set(rows)
    replayed = [row for row in rows if row >= main]
    assert len(replayed) == min(stock, round(main * share / (1 - share)))
    assert all(row < main + stock for row in rows)


def test_replay_is_drawn_afresh_each_epoch():
    examples = Examples(PAIRS[:5], PAIRS, 0.5)
    epochs = [tuple(examples.epoch(np.random.default_rng(seed))) for seed in range(6)]
    assert len(set(epochs)) > 1


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_share_out_of_range(share):
    with pytest.raises(ValueError, match="share"):
        Examples(PAIRS, PAIRS, share)


@given(st.lists(st.integers(1, 99), max_size=200), st.integers(1, 9), st.integers(0, 3))
def test_batches_hold_every_row_once(lengths, size, seed):
    rows = list(range(len(lengths)))
    batches = shuffled_batches(rows, lengths, rows, size, 1, np.random.default_rng(seed))
    assert sorted(row for batch in batches for row in batch) == rows
    assert sum(len(batch) < size for batch in batches) <= 1


def test_batches_are_of_similar_length_and_change():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 200, 512).tolist()
    batches = shuffled_batches(range(512), lengths, range(512), 8, 1, np.random.default_rng(1))
    spread = np.mean([np.ptp([lengths[row] for row in batch]) for batch in batches])
    assert spread < 40  # of 200; random batches of 8 spread over about 155
    assert batches != shuffled_batches(range(512), lengths, range(512), 8, 1, np.random.default_rng(2))


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 6)), max_size=120),
    st.integers(1, 9),
    st.integers(1, 12),
    st.integers(0, 3),
)
def test_pairs_of_a_query_stay_together(pairs, size, together, seed):
    lengths, queries = [one[0] for one in pairs], [one[1] for one in pairs]
    rows = list(range(len(pairs)))
    batches = shuffled_batches(rows, lengths, queries, size, together, np.random.default_rng(seed))
    assert sorted(row for batch in batches for row in batch) == rows
    assert all(0 < len(batch) <= size for batch in batches)
    together = min(together, size)
    for query in set(queries):
        # a query of n pairs comes in ceil(n / together) groups, and no group is divided
        pieces = sum(any(queries[row] == query for row in batch) for batch in batches)
        assert pieces <= -(-queries.count(query) // together)


def test_micro_batches_of_single_rows_are_plain_cuts():
    batch, queries = list(range(10, 21)), [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3]
    plain = [batch[start : start + 4] for start in range(0, 11, 4)]
    assert micro_batches(batch, queries, 4, 1) == plain


def test_micro_batches_do_not_cut_a_group():
    assert micro_batches(range(9), [5, 5, 5, 1, 1, 1, 7, 7, 7], 4, 3) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert micro_batches(range(7), [5, 5, 1, 1, 7, 7, 7], 4, 3) == [[0, 1, 2, 3], [4, 5, 6]]
    # five neighbours of a query are two groups of three and two
    assert micro_batches(range(7), [0, 0, 0, 0, 0, 1, 1], 4, 3) == [[0, 1, 2], [3, 4, 5, 6]]
    # and where there is no room for a group, as much of it as there is room for
    assert micro_batches(range(5), [0, 0, 0, 0, 0], 2, 4) == [[0, 1], [2, 3], [4]]


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 6),
    st.integers(1, 4),
    st.booleans(),
)
def test_processes_share_a_step_out(queries, size, together, world, whole):
    queries = sorted(queries)
    batch = [100 + row for row in range(len(queries))]
    micro = None if whole else size
    parts = [shares(batch, queries, micro, together, rank, world) for rank in range(world)]
    assert len({len(part) for part in parts}) == 1  # each goes as often as any other
    counted = [rows for part in parts for rows, weight in part if weight]
    assert sorted(row for rows in counted for row in rows) == batch
    assert sum(weight for part in parts for _, weight in part) == pytest.approx(1)
    for part in parts:
        for rows, weight in part:
            assert rows
            assert weight in (0, len(rows) / len(batch))
            assert micro is None or len(rows) <= micro
    pieces = {
        query: sum(any(queries[row - 100] == query for row in rows) for rows in counted) for query in queries
    }
    for query, n in pieces.items():
        # no group is cut but where a micro-batch is too small for it
        assert n <= -(-queries.count(query) // min(together, micro or together))
