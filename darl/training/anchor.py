"""What holds a stage near the model that it began with: in its weights, and in what it says in distribution.

Both are of the model as it was given, so that a resumed stage is held to the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from darl.models.neural import NeuralRelevanceModel
from darl.objectives.base import Objective
from darl.pairs import GradedPair
from darl.progress import Progress
from darl.training.batches import shares
from darl.training.encoded import Encoded

DOWN, UP = ".lora_A.", ".lora_B."
STREAM = 1
LEAST = 1e-9
"""Probabilities below count as that: the logarithm of a zero is none."""


class WeightAnchor:
    """L2-SP: a pull towards the starting point in weight space.

    penalty = strength / 2 (sum over linear maps ||s B A - s B_0 A_0||^2 + sum over other weights
    ||w - w_0||^2), in [0, inf). It is of the change that the factors make together, not of the factors: of
    them many pairs are the same change. With r x r products alone:

    ||B A - B_0 A_0||^2 = <B'B, A A'> - 2 <B'B_0, A A_0'> + <B_0'B_0, A_0 A_0'>

    Reference: Li, Grandvalet and Davoine, "Explicit inductive bias for transfer learning with convolutional
    networks", ICML 2018, arXiv 1802.01483.

    Args:
        weights: What is trained, by name.
        scale: s = alpha / rank of the adapter.
        strength: Of the pull.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], scale: float, strength: float) -> None:
        self.weights, self.scale, self.strength = weights, scale, strength
        self.start = {name: weight.detach().clone() for name, weight in weights.items()}
        self.maps = [(name, name.replace(DOWN, UP)) for name in weights if DOWN in name]
        self.others = [name for name in weights if DOWN not in name and UP not in name]

    def penalty(self) -> Tensor:
        """How far the weights have come, with gradient."""
        parts = [self.scale**2 * self._change(down, up) for down, up in self.maps]
        parts += [(self.weights[name] - self.start[name]).double().square().sum() for name in self.others]
        return self.strength / 2 * torch.stack(parts).sum()

    def pull(self) -> float:
        """Add the penalty's gradient to that of the weights, once a step; the penalty comes back."""
        penalty = self.penalty()
        found = torch.autograd.grad(penalty, list(self.weights.values()))
        for weight, gradient in zip(self.weights.values(), found, strict=True):
            weight.grad = gradient if weight.grad is None else weight.grad + gradient
        return float(penalty)

    def _change(self, down: str, up: str) -> Tensor:
        a, b = self.weights[down].double(), self.weights[up].double()
        a0, b0 = self.start[down].double(), self.start[up].double()
        now = (b.T @ b) * (a @ a.T)
        across = (b.T @ b0) * (a @ a0.T)
        return (now - 2 * across).sum() + ((b0.T @ b0) * (a0 @ a0.T)).sum()


class SayingAnchor:
    """A pull towards what the starting model says of in-distribution pairs, some of them each step.

    loss = strength mean_pairs sum_k p_k log(p_k / q_k), p of the starting model and q of the one in training,
    in [0, inf).

    Reference: Li and Hoiem, "Learning without forgetting", ECCV 2016, arXiv 1606.09282.

    Args:
        model: As the stage begins with it.
        in_dist: In-distribution pairs.
        size: Pairs a step, or all if there are fewer.
        steps: Of the stage; only pairs that are drawn in one of them are predicted.
        seed: Decides which are drawn.
        strength: Of the pull.
        progress: Told how far the predictions are.
    """

    def __init__(
        self,
        model: NeuralRelevanceModel,
        in_dist: Sequence[GradedPair],
        *,
        size: int,
        steps: int,
        seed: int,
        strength: float,
        progress: Progress,
    ) -> None:
        self.seed, self.strength, self.size, self.n = seed, strength, min(size, len(in_dist)), len(in_dist)
        drawn = np.unique([row for step in range(steps) for row in self._draw(step)]).astype(np.int64)
        self.place = {int(row): place for place, row in enumerate(drawn)}
        pairs = [in_dist[row] for row in drawn]
        self.pairs = Encoded.of(model, pairs)
        said = model.predict([one.pair for one in pairs], progress=progress).grade_probs
        self.said = torch.from_numpy(said).to(model.device)
        if model.folded is not None:
            model.folded.forget()  # a second set of weights, which training has no use for

    def shares(
        self, step: int, micro_batch_size: int | None, rank: int, world: int
    ) -> list[tuple[list[int], float]]:
        """One process's micro-batches of the pairs of a step, each with its share of the step's mean."""
        rows = [self.place[row] for row in self._draw(step)]
        return shares(rows, rows, micro_batch_size, 1, rank, world)

    def loss(self, objective: Objective, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """How far the logits of some of the pairs are from what was said of them."""
        said = self.said[list(rows)].clamp_min(LEAST)
        now = objective.grade_probs(logits).clamp_min(LEAST)
        return self.strength * (said * (said.log() - now.log())).sum(dim=1).mean()

    def _draw(self, step: int) -> list[int]:
        rng = np.random.default_rng([self.seed, step, STREAM])
        return [int(row) for row in rng.choice(self.n, self.size, replace=False)]
