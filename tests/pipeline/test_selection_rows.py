"""The tables of a study of selection: what they mark, and what they say of a strategy as a whole."""

from dataclasses import replace

import pytest

from darl.pipeline.selection_rows import Gain, gain_rows, mark
from darl.pipeline.selection_verdicts import against_random, strategies_of, with_half


def gain(strategy, low, high, **changed):
    """A finding at four labels; ends of None = there is nothing to compare with."""
    mean = None if low is None else (low + high) / 2
    found = Gain(
        experiment="x", slice="far", metric="f1", strategy=strategy, budget=4, value=0.5, low=0.4, high=0.6,
        by_seed=(0.5,), gain=mean, gain_low=low, gain_high=high, half=None, half_low=None, half_high=None,
        labels_of_random=None, queries=3.0, grades=(1, 2, 1),
    )  # fmt: skip
    return replace(found, **changed)


RANDOM = gain("random", None, None)


def test_the_table_marks_what_is_significant():
    slices, rows = gain_rows(
        [RANDOM, gain("a", 0.01, 0.03), gain("b", -0.03, -0.01), gain("c", -0.01, 0.03)], "f1"
    )
    assert slices == ["far"]
    assert [row[-1] for row in rows] == ["0.500", "0.500 (+0.020▲)", "0.500 (-0.020▼)", "0.500 (+0.010)"]
    assert rows[0][:3] == ["random", "4", "3"]
    other = replace(RANDOM, slice="near", metric="qwk")
    assert gain_rows([RANDOM, other], "f1")[0] == ["far"]  # near has no f1


def test_the_mean_has_a_row_of_its_own():
    _, rows = gain_rows([gain("a", 0.01, 0.03), gain("a", 0.0, 0.02, budget=None)], "f1")
    assert [row[1] for row in rows] == ["4", "mean"]


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, "▲"), (-0.2, -0.1, "▼"), (-0.1, 0.1, ""), (None, None, "")]
)
def test_marks(low, high, expected):
    assert mark(low, high) == expected


def test_cells_above_and_below_random():
    gains = [
        RANDOM,
        gain("none", None, None, budget=0),
        gain("a", 0.01, 0.03),
        gain("a", -0.03, -0.01, slice="near", budget=8),
        gain("a", -0.03, -0.01, budget=None),  # the mean is no cell
        gain("a", -0.03, -0.01, metric="qwk"),  # nor is what is not asked for
        gain("b", -0.01, 0.03),
        gain("a", -0.01, 0.03, experiment="y"),
    ]
    assert against_random(gains, ["f1"]) == [
        ["x", "a", "2", "1", "1", "f1 on near, 8 -0.020 [-0.030, -0.010]"],
        ["x", "b", "1", "0", "0", ""],
        ["y", "a", "1", "0", "0", ""],
    ]


def test_half_of_the_labels_out_of_distribution():
    def halved(budget, low, high, **changed):
        mean = None if low is None else (low + high) / 2
        return gain("a", 0, 0, budget=budget, half=mean, half_low=low, half_high=high, **changed)

    gains = [
        halved(4, 0.5, 0.7, slice="in_dist"),  # not asked for: the last slice is all that is out
        halved(4, 0.01, 0.03),
        halved(8, -0.03, -0.01),
        gain("a", 0, 0, budget=16),  # random has no 32
        halved(None, -0.01, 0.01),
        halved(4, 0.01, 0.03, experiment="y"),
    ]
    budgets, rows = with_half(gains, "f1")
    assert budgets == ["4 to 8", "8 to 16"]
    assert rows == [
        ["x", "a", "+0.000 [-0.010, 0.010]", "+0.020 [0.010, 0.030]▲", "-0.020 [-0.030, -0.010]▼"],
        ["y", "a", "-", "+0.020 [0.010, 0.030]▲", "-"],
    ]
    assert with_half([RANDOM], "f1") == ([], [])


def test_only_what_has_a_rival_is_a_strategy():
    gains = [RANDOM, gain("none", None, None), gain("pool", None, None), gain("b", 0, 1), gain("a", 0, 1)]
    assert strategies_of(gains) == ["b", "a"]
