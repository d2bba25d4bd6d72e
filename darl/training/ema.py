"""A running mean of the weights, which moves less than they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Weights = Mapping[str, nn.Parameter]


class RunningMean:
    """mean <- d mean + (1 - d) weights after each step t, with d = min(decay, (1 + t) / (10 + t)).

    At first it follows closely, so that where the training began is soon forgotten; later it is the mean over
    about 1 / (1 - decay) steps.

    Reference: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the rising
    decay is that of TensorFlow's ExponentialMovingAverage.

    Args:
        weights: What is averaged.
        decay: In (0, 1); None keeps no mean, and the weights stand for themselves.
    """

    def __init__(self, weights: Weights, decay: float | None) -> None:
        self.weights, self.decay = weights, decay
        self.mean: dict[str, Tensor] = {} if decay is None else _copies(weights)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        if self.decay is None:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, mean in self.mean.items():
            mean.lerp_(self.weights[name], 1 - decay)

    @torch.no_grad()
    def load(self, mean: Mapping[str, Tensor]) -> None:
        """Go on with a mean that was kept."""
        for name, own in self.mean.items():
            own.copy_(mean[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A block in which the mean stands in the weights' place."""
        before = _copies(self.weights) if self.mean else {}
        self.settle()
        try:
            yield
        finally:
            put_weights(self.weights, before)

    def settle(self) -> None:
        """Put the mean in the weights' place for good."""
        put_weights(self.weights, self.mean)


@torch.no_grad()
def put_weights(weights: Weights, values: Mapping[str, Tensor]) -> None:
    """Give weights other values, those that are named."""
    for name, value in values.items():
        weights[name].copy_(value)


def _copies(weights: Weights) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in weights.items()}
