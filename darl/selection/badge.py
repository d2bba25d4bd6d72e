"""Batch active learning by diverse gradient embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from darl.predictions import Candidates, FloatArray
from darl.selection.base import SelectionStrategy
from darl.selection.order import smallest_first
from darl.selection.seeding import OuterProducts, seeds


class Badge(SelectionStrategy):
    """Pairs whose gradients would be large and unlike one another.

    The gradient embedding of a pair is g = (p - e) (outer) z: p its grades' probabilities, e the indicator
    of the most probable grade, z its features as they are. That is the gradient of the cross-entropy by
    the weights of a linear head, were the most probable grade the true one; it is long where the model is
    unsure. k-means++ seeding takes the longest first (of equals any) and then draws each next pair with
    P(i) = D_i^2 / sum_j D_j^2, D_i the distance from g_i to the nearest g taken. Distances come from
    <g_i, g_j> = <p_i - e_i, p_j - e_j> <z_i, z_j>, without the (N, K D) embedding.

    It weighs doubt and diversity without an argument to set. Like every measure of doubt it passes over
    what the model is sure and wrong of, it does not see what is graded already, and long features count as
    much as doubtful grades. For an ordinal objective g is a stand-in for the gradient, not the gradient.

    Where every pair that is left has the g of a taken one, the rest is random.

    Reference: Ash, Zhang, Krishnamurthy, Langford and Agarwal, Deep Batch Active Learning by Diverse,
    Uncertain Gradient Lower Bounds, 2020, arXiv 1906.03671.
    """

    def _choose(self, candidates: Candidates, n: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        embeddings = gradient_embeddings(candidates.predictions.grade_probs, candidates.predictions.features)
        longest = int(smallest_first(-embeddings.squares, rng)[0])
        drawn = seeds(embeddings, longest, n, rng)
        rest = np.setdiff1d(np.arange(len(candidates)), drawn)
        return np.concatenate([drawn, rng.permutation(rest)[: n - len(drawn)]])


def gradient_embeddings(grade_probs: FloatArray, features: FloatArray) -> OuterProducts:
    """The N vectors (p - e) (outer) z, for (N, K) probabilities p and (N, D) features z."""
    residuals = grade_probs.astype(np.float64)
    residuals[np.arange(len(residuals)), grade_probs.argmax(axis=1)] -= 1
    return OuterProducts(residuals, features)
