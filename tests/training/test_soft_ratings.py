"""Probabilities as so many people's ratings: shares, and the loss that they give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from darl.objectives.softmax import Softmax
from darl.training.ratings import RATERS, expected_loss, soft_ratings


def probabilities(n=200, k=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.4), n)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("raters", [1, 7, RATERS])
def test_shares_are_off_by_less_than_one_rater(k, raters):
    probs = probabilities(k=k)
    found = soft_ratings(probs, raters)
    shares = np.array([np.bincount(one, minlength=k) for one in found]) / raters
    assert all(len(one) == raters and list(one) == sorted(one) for one in found)
    assert np.abs(shares - probs).max() < 1 / raters


def naive(probs, raters):
    """The largest remainders, one rater at a time."""
    counts = [int(p * raters + 1e-5) for p in probs]
    while sum(counts) < raters:
        lacks = [p * raters - count for p, count in zip(probs, counts, strict=True)]
        counts[lacks.index(max(lacks))] += 1
    return tuple(grade for grade, n in enumerate(counts) for _ in range(n))


def test_largest_remainders():
    probs = probabilities(100, 4, seed=1)
    assert soft_ratings(probs, 9) == [naive(row, 9) for row in probs]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shares_that_are_whole_stay_so(dtype):
    probs = np.array([[0.06, 0.34, 0.6], [1, 0, 0], [0.5, 0.5, 0]], dtype=dtype)
    assert [[one.count(g) for g in range(3)] for one in soft_ratings(probs)] == [
        [3, 17, 30],
        [50, 0, 0],
        [25, 25, 0],
    ]


def test_what_is_said_alike_is_kept_once():
    first, second, third = soft_ratings(np.array([[0.5, 0.5], [0.5, 0.5], [1, 0]]))
    assert first is second is not third
    assert soft_ratings(np.empty((0, 3))) == []


def test_the_loss_is_the_cross_entropy_with_those_shares():
    probs, logits = (
        probabilities(16, seed=2),
        torch.randn((16, 3), generator=torch.Generator().manual_seed(0)),
    )
    found = soft_ratings(probs)
    shares = np.array([np.bincount(one, minlength=3) for one in found]) / RATERS
    loss = expected_loss(Softmax(), logits, found, torch.arange(16))
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.tensor(shares, dtype=torch.float32)))
