from __future__ import annotations

import math

import pytest
import torch

from darl.objectives.logits import log_misses, widened
from tests.objectives.made import batch, softmax_of


@pytest.mark.parametrize("n_grades", [2, 3, 6])
def test_log_misses_are_the_log_of_the_rest(n_grades):
    logits, _, _ = batch(n_grades, n_grades)
    expected = [[math.log(1 - prob) for prob in softmax_of(row)] for row in logits.tolist()]
    torch.testing.assert_close(log_misses(logits), torch.tensor(expected, dtype=torch.float64))


def test_log_misses_are_finite_and_never_positive():
    logits = torch.tensor([[0.0, 0.0, 0.0], [1e4, -1e4, 0.0], [-1e4, -1e4, 1e4], [3e38, -3e37, 0.0]])
    misses = log_misses(logits)
    assert misses.isfinite().all()
    assert (misses <= 0).all()
    assert misses[1].tolist() == [-1e4, 0, 0]


def test_rounding_does_not_lift_log_misses_above_zero():
    logits = torch.randn(4096, 5, generator=torch.Generator().manual_seed(0)) * 10
    assert (log_misses(logits) <= 0).all()


def test_only_half_precision_is_widened():
    for dtype in (torch.float16, torch.bfloat16):
        assert widened(torch.zeros(2, dtype=dtype)).dtype == torch.float32
    for dtype in (torch.float32, torch.float64):
        logits = torch.zeros(2, dtype=dtype)
        assert widened(logits) is logits
