"""The layout of packed rows, against a naive reading of the same texts."""

from __future__ import annotations

from itertools import pairwise, takewhile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from darl.models import packing as module
from darl.models.packing import SharedPrefix, lexicographic, pack, row_plan, shared_lengths, shared_prefix

# Three words and short texts: beginnings are shared, texts come twice, and one is another's beginning.
TEXT = st.lists(st.integers(0, 2), min_size=1, max_size=8)
TEXTS = st.lists(TEXT, min_size=1, max_size=12)
WINDOW = st.none() | st.integers(1, 5)
COST = st.sampled_from([0, 20, 10**9])


@st.composite
def calls(draw):
    """Texts of one call, and how many tokens they all begin with."""
    prefix = draw(st.lists(st.integers(0, 2), min_size=1, max_size=4))
    return [prefix + text for text in draw(TEXTS)], len(prefix)


def known_prefix(length):
    """A prefix some row has been run with."""
    return SharedPrefix(length, {torch.nn.Identity(): (torch.zeros(length, 1, 1), torch.zeros(length, 1, 1))})


def beginnings(texts, shortest=1):
    return {tuple(text[:end]) for text in texts for end in range(shortest, len(text) + 1)}


def places_of(packing):
    """(block, place in the row, row of the block, column of the block) of every token's own query."""
    for number, block in enumerate(packing.blocks):
        width = block.queries.shape[1]
        for cell in block.own.tolist():
            yield number, int(block.queries.flatten()[cell]), cell // width, cell % width


def common(texts):
    """How many tokens all texts begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False)))


def sizes(block):
    """(own tokens, all tokens) of each text of a block."""
    own = (block.own // block.queries.shape[1]).bincount(minlength=len(block.keys))
    return list(zip(own.tolist(), (block.shared + own).tolist(), strict=True))


def check(packing, texts, known=0, window=None):
    """A row says of every token which beginning it ends, and lets it see exactly that beginning."""
    first = texts[0][:known]
    ends = [
        tuple(texts[text][: position + 1])
        for text, position in zip(packing.texts.tolist(), packing.positions.tolist(), strict=True)
    ]
    assert [end[-1] for end in ends] == packing.tokens.tolist()
    assert len(ends) == len(packing) == len(set(ends))
    assert set(ends) == beginnings(texts, known + 1)
    assert [ends[place] for place in packing.last.tolist()] == [tuple(text) for text in texts]
    before = [tuple(first[: i + 1]) for i in range(known)]
    cells = list(places_of(packing))
    assert sorted(place for _, place, _, _ in cells) == list(range(len(packing)))
    assert [cells[i][1] for i in packing.back.tolist()] == list(range(len(packing)))
    for number, place, row, column in cells:
        mask = packing.mask(number, window)[row, 0, column]
        seen = packing.blocks[number].keys[row][mask].tolist()
        length = len(ends[place])
        path = [ends[place][:end] for end in range(1, length + 1)]
        assert [(before + ends)[key] for key in seen] == path[-window if window else 0 :]


@given(TEXTS, WINDOW, COST)
def test_a_token_sees_its_own_text_up_to_itself(texts, window, cost):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_COST", cost)
        packing = pack(texts)
    assert packing.has_prefix
    check(packing, texts, window=window)


@given(calls(), WINDOW, COST)
def test_a_row_goes_without_a_prefix_that_is_already_known(call, window, cost):
    texts, length = call
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_COST", cost)
        packing = pack(texts, prefix=known_prefix(length))
    assert not packing.has_prefix
    check(packing, texts, length, window)


@given(calls())
def test_the_first_row_with_a_prefix_begins_with_it(call):
    texts, length = call
    packing = pack(texts, prefix=SharedPrefix(length))
    assert packing.has_prefix
    assert packing.tokens[:length].tolist() == texts[0][:length]
    assert packing.positions[:length].tolist() == list(range(length))
    check(packing, texts)


@given(TEXTS)
def test_texts_can_be_read_back_from_the_blocks(texts):
    packing = pack(texts)
    found = set()
    for block in packing.blocks:
        for keys, (_, length) in zip(block.keys, sizes(block), strict=True):
            found.add(tuple(packing.tokens[keys[:length]].tolist()))
    # Texts that end where another goes on, or that come again, own no token.
    assert found <= {tuple(text) for text in texts}
    assert beginnings(found) == beginnings(texts)


@given(TEXTS)
def test_padding_points_into_the_row_and_every_query_sees_something(texts):
    packing = pack(texts)
    for number, block in enumerate(packing.blocks):
        for places in (block.queries, block.keys):
            assert places.min() >= 0
            assert places.max() < len(packing)
        for window in (None, 1, 3):  # a query that sees nothing would be NaN
            assert packing.mask(number, window).any(dim=-1).all()


@given(TEXTS, st.integers(0, 200))
def test_padding_costs_less_than_another_block(texts, cost):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_COST", cost)
        packing = pack(texts)
    for block in packing.blocks:
        cells = block.queries.numel() * block.keys.shape[1]
        useful = sum(own * length for own, length in sizes(block))
        assert 0 <= cells - useful <= cost


def test_masks_are_made_once():
    packing = pack([[1, 2, 3], [1, 4]])
    assert packing.mask(0, None) is packing.mask(0, None)
    assert packing.mask(0, 1) is not packing.mask(0, None)


def test_a_row_as_the_page_draws_it():
    instruction, first, second = [9, 9, 9], [1, 2], [1, 3]
    texts = [instruction + query + item for query in (first, second) for item in ([5], [6, 7])]
    packing = pack(texts)
    assert packing.tokens.tolist() == [9, 9, 9, 1, 2, 5, 6, 7, 3, 5, 6, 7]
    assert packing.positions.tolist() == [0, 1, 2, 3, 4, 5, 5, 6, 4, 5, 5, 6]
    assert packing.last.tolist() == [5, 7, 9, 11]


def test_a_text_alone_and_of_one_token():
    packing = pack([[7]])
    assert packing.tokens.tolist() == [7]
    assert packing.last.tolist() == [0]
    check(packing, [[7]])


@given(st.lists(st.lists(st.sampled_from([0, 1, 255, 256, 65_536, 2**31]), max_size=4), max_size=10))
def test_the_order_is_that_of_lists(texts):
    assert [texts[row] for row in lexicographic(texts)] == sorted(texts)


@given(TEXTS)
def test_what_sorted_texts_share_with_the_one_before(texts):
    texts = sorted(texts)
    expected = [common([a, b]) for a, b in pairwise(texts)]
    assert shared_lengths(texts).tolist() == [0, *expected]


@given(TEXTS, st.integers(1, 40))
def test_a_plan_holds_every_text_once_and_keeps_to_the_budget(texts, tokens):
    plan = row_plan(texts, tokens)
    assert sorted(row for rows in plan for row in rows) == list(range(len(texts)))
    assert [texts[row] for rows in plan for row in rows] == sorted(texts)
    for rows in plan:
        assert rows
        assert len(rows) == 1 or len(pack([texts[row] for row in rows])) <= tokens
        assert len(rows) == 1 or len(beginnings([texts[row] for row in rows])) <= tokens


@given(TEXTS, st.integers(1, 40))
def test_a_row_ends_in_its_last_quarter_at_the_earliest(texts, tokens):
    plan = row_plan(texts, tokens)
    for rows, following in pairwise(plan):
        more = [texts[row] for row in (*rows, following[0])]
        assert len(beginnings(more)) >= tokens * 3 // 4


def test_a_row_ends_where_a_new_query_begins():
    queries = [[1, 1, 1, 1], [2, 2, 2, 2]]
    texts = [[*query, item] for query in queries for item in range(6)]  # 10 distinct tokens a query
    assert [len(rows) for rows in row_plan(texts, 12)] == [6, 6]


def test_nothing_to_plan():
    assert row_plan([], 10) == []


@given(TEXTS)
def test_the_shared_prefix_is_all_that_all_begin_with_but_no_whole_text(texts):
    expected = min(common(texts), min(map(len, texts)) - 1)
    prefix = shared_prefix(texts)
    assert (prefix.length if prefix else 0) == expected
    assert prefix is None or not prefix.states
