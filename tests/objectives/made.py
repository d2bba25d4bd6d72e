"""Batches and objectives to test with."""

from __future__ import annotations

import math

import torch


def batch(n_logits, n_grades, seed=0, size=7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, n_logits, generator=generator, dtype=torch.float64) * 3
    grades = torch.randint(0, n_grades, (size,), generator=generator)
    return logits, grades, torch.arange(size) // 3


def extreme(n_logits, size, scale=1e4, dtype=torch.float32):
    """Logits of +scale and -scale; the first rows are all +, all -, all 0."""
    generator = torch.Generator().manual_seed(1)
    signs = torch.randint(0, 2, (size, n_logits), generator=generator) * 2 - 1
    signs[0], signs[1], signs[2] = 1, -1, 0
    return (signs * scale).to(dtype)


def cost_of(objective, logits, grade):
    """What one pair costs, its logits given as a list."""
    rows = torch.tensor([logits], dtype=torch.float64)
    return objective.loss(rows, torch.tensor([grade]), torch.tensor([0])).item()


def sure_of(grade, n_grades, strength=4.0):
    """Class logits as a list."""
    return [strength if k == grade else 0.0 for k in range(n_grades)]


def thresholds_passed(grade, n_grades, strength=4.0):
    """Threshold logits of a sure grade, as a list."""
    return [strength if k < grade else -strength for k in range(n_grades - 1)]


def softmax_of(row):
    weights = [math.exp(value) for value in row]
    return [weight / sum(weights) for weight in weights]


def sigmoid_of(value):
    return 1 / (1 + math.exp(-value))


def rows_of(logits, grades):
    return zip(logits.tolist(), grades.tolist(), strict=True)
