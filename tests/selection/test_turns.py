import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darl.selection.turns import check_shares, turns

SHARES = (
    st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any).map(lambda w: [x / sum(w) for x in w])
)


def naive(shares, sizes, n):
    """One turn after another: who is furthest behind its share."""
    given_so_far, order = [0] * len(shares), []
    for _ in range(n):
        can = [g for g in range(len(shares)) if given_so_far[g] < sizes[g]]
        due = {g: (given_so_far[g] + 0.5) / shares[g] if shares[g] else np.inf for g in can}
        order.append(min(can, key=lambda g: (due[g], given_so_far[g], g)))
        given_so_far[order[-1]] += 1
    return order


@given(shares=SHARES, data=st.data())
def test_against_one_turn_after_another(shares, data):
    sizes = data.draw(st.lists(st.integers(0, 9), min_size=len(shares), max_size=len(shares)))
    n = data.draw(st.integers(0, sum(sizes)))
    assert turns(shares, np.array(sizes), n).tolist() == naive(shares, sizes, n)


@given(shares=SHARES, n=st.integers(1, 60))
def test_whole_parts_are_exact_and_every_prefix_is_divided_alike(shares, n):
    plenty = np.full(len(shares), 1000)
    order = turns(shares, plenty, n)
    parts = np.bincount(order, minlength=len(shares))
    if all(abs(n * share - round(n * share)) < 1e-9 for share in shares):
        assert parts.tolist() == [round(n * share) for share in shares]
    assert (np.abs(parts - n * np.array(shares)) < len(shares)).all()
    assert turns(shares, plenty, n + 7)[:n].tolist() == order.tolist()


def test_two_groups_are_never_further_than_a_turn_from_their_shares():
    order = turns([0.3, 0.7], np.array([99, 99]), 99)
    given = np.cumsum(order == 0)
    assert (np.abs(given - 0.3 * np.arange(1, 100)) <= 0.5 + 1e-9).all()


def test_what_a_group_cannot_give_goes_to_the_others():
    assert np.bincount(turns([0.5, 0.25, 0.25], np.array([2, 50, 50]), 20)).tolist() == [2, 9, 9]


def test_a_share_of_nothing_gives_when_nothing_else_is_left():
    assert turns([0, 1, 0], np.array([3, 2, 3]), 6).tolist() == [1, 1, 0, 2, 0, 2]


@pytest.mark.parametrize("shares", [[1], [0.333, 0.333, 0.333], (0.5, 0.5), [0, 1.0]])
def test_shares(shares):
    check_shares(shares)


@pytest.mark.parametrize(
    "shares", [[], [0.5, 0.6], [-0.5, 1.5], [True, 0], ["1"], [float("nan"), 1], 1, {0: 1}, [0.3, 0.3, 0.3]]
)
def test_what_are_no_shares(shares):
    with pytest.raises(ValueError, match="shares: expected numbers of at least 0 that sum to 1, received"):
        check_shares(shares)
