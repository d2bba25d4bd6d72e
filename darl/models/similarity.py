"""Where an encoder's grade head starts: from what the similarity of query and item says of graded pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from darl.models.encoder import MatchPooling
from darl.models.head import GradeHead, start_head
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import GradedPair
from darl.progress import SILENT, Progress

MOST = 1000
"""Graded pairs that are looked at: a number for each grade needs no more."""

SLOPE = 10.0
"""By how much the logits of neighbouring grades part from cosine 0 to cosine 1."""

Float64 = npt.NDArray[np.float64]


def start_from_similarity(
    model: NeuralRelevanceModel,
    graded: Sequence[GradedPair],
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> None:
    """Let the blank head of an encoder say what similarity says; any other head stays as it is.

    With s = u'v / D, the cosine of query and item, the class logits become

    z_k = 10 (k - (K - 1) / 2) s + b_k,

    with the biases b that make grades on average as likely as they are among the graded pairs. u'v is the sum
    of the last quarter of the features (see encoder.py). What a sentence encoder was trained for so counts
    from the first step on, and fine-tuning corrects it, instead of having to find it again. Slopes that are
    fitted too were tried: where similarity says little they are small, so are the gradients of the encoder
    below, and it learns less (docs/results/encoder-reading.md).

    Args:
        model: Not trained yet.
        graded: Pairs to fit on; of more than 1,000 so many are drawn.
        rng: Draws them.
        progress: Told how far it is.

    Reference: for why a fitted head should come before the layers below it, Kumar et al., "Fine-Tuning can
    Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022, arXiv 2202.10054.
    """
    head = model.scorer.head
    if not isinstance(model.scorer.pooling, MatchPooling) or not graded or bool(head.weight.any()):
        return
    rows = np.sort(rng.permutation(len(graded))[:MOST])
    features = model.predict([graded[row].pair for row in rows], progress=progress).features
    width = features.shape[1] // MatchPooling.widening
    similarity = features[:, -width:].sum(axis=1, dtype=np.float64) / width
    n_grades = len(model.grade_scale)
    slopes = SLOPE * (np.arange(n_grades) - (n_grades - 1) / 2)
    biases = _biases(similarity[:, None] * slopes, np.array([graded[row].grade for row in rows]))
    weight = torch.zeros(n_grades, features.shape[1])
    weight[:, -width:] = torch.from_numpy(slopes / width)[:, None]
    started = start_head(model.objective, GradeHead(weight, torch.from_numpy(biases)))
    with torch.no_grad():
        head.weight.copy_(started.weight)
        head.bias.copy_(started.bias)


def _biases(logits: Float64, grades: npt.NDArray[np.int64]) -> Float64:
    """(K,) what to add to (N, K) class logits, so that grades are on average as likely as they are frequent.

    One pair is added, spread over all grades: a grade that no pair has is unlikely, not impossible.
    """
    n_pairs, n_grades = logits.shape
    frequent = (np.bincount(grades, minlength=n_grades) + 1 / n_grades) / (n_pairs + 1)

    def cost(biases: Float64) -> tuple[float, Float64]:
        total = logsumexp(logits + biases, axis=1).mean() - frequent @ biases
        return float(total), softmax(logits + biases, axis=1).mean(axis=0) - frequent

    found: Float64 = minimize(cost, np.log(frequent), jac=True, method="L-BFGS-B").x
    centred: Float64 = found - found.mean()
    return centred
