"""Models between models: weighted sums, in weight space, of what training has changed.

With W the frozen backbone and B_i A_i s_i what stage i has added to one of its linear maps (s = alpha /
rank), the sum sum_i w_i s_i B_i A_i is exact where the factors stand side by side,

    A = [A_1; A_2; ...]    B = [w_1 s_1 B_1, w_2 s_2 B_2, ...]

while the product of summed factors, (sum_i w_i B_i) (sum_i w_i A_i), is another matrix: it mixes the factors
of different stages. Ranks add up so; a model that is kept is factored anew (QR of both sides, SVD of what is
between) to the least rank that holds the sum to the rounding of float32. All other trained weights, those of
the head, are summed as they are.

Reference: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022, arXiv 2109.01903;
of several seeds, Wortsman et al., "Model soups", ICML 2022, arXiv 2203.05482.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from darl.errors import CheckpointError, ConfigError
from darl.grades import GradeScale
from darl.models.build import build_model
from darl.models.neural import NeuralRelevanceModel
from darl.models.trained import Factors, Trained, put
from darl.progress import SILENT, Progress

# What models may differ in and still be summed: where the backbone lies, and how its adapter is shaped.
OWN = {"backbone", "adapter", "dtype", "trust_remote_code"}
# What AdapterConfig allows.
MOST_RANK = 1024


def mixed(parts: Sequence[Trained], weights: Sequence[float]) -> Trained:
    """The weighted sum of what training has changed, its factors side by side: exact, and ranks add up.

    Args:
        parts: At least one; of one backbone, with the same grades, objective and prompt.
        weights: One for each part; they sum to 1.

    Raises:
        ConfigError: Parts that cannot be summed, or weights that are none; all that is wrong.
    """
    if faults := _part_faults(parts) + _weight_faults(weights, len(parts)):
        raise ConfigError("interpolation", faults)
    pairs = list(zip(parts, weights, strict=True))
    names = dict.fromkeys(name for part in parts for name in part.factors)
    factors = {
        name: Factors(
            torch.cat([part.factors[name].down for part, _ in pairs if name in part.factors]),
            torch.cat([w * part.factors[name].up for part, w in pairs if name in part.factors], dim=1),
        )
        for name in names
    }
    others = {
        name: torch.stack([w * part.others[name].double() for part, w in pairs]).sum(dim=0).float()
        for name in parts[0].others
    }
    first, upper = parts[0], [part.config.adapter.upper_layers for part in parts]
    reach = None if None in upper else max(one for one in upper if one is not None)
    adapter = first.config.adapter.model_copy(update={"upper_layers": reach})
    config = first.config.model_copy(update={"adapter": adapter})
    return Trained(config, first.grades, first.fingerprint, factors, others)


def compacted(trained: Trained) -> Trained:
    """The same in factors of the least rank that holds it to the rounding of float32.

    Raises:
        ConfigError: That is more than an adapter may have.
    """
    found = {name: _factored(one) for name, one in trained.factors.items()}
    rank = max((rank for _, rank in found.values()), default=1)
    if rank > MOST_RANK:
        told = f"the sum has rank {rank}, and an adapter {MOST_RANK} at most: train one of the models anew"
        raise ConfigError("interpolation", [told])
    factors = {name: Factors(one.down[:rank], one.up[:, :rank]) for name, (one, _) in found.items()}
    return Trained(trained.config, trained.grades, trained.fingerprint, factors, trained.others)


def model_of(trained: Trained, *, progress: Progress = SILENT) -> NeuralRelevanceModel:
    """A model with these trained weights, on a backbone of its own.

    Its adapter has their rank, and the scale alpha / rank of their config's: training goes on as before.

    Raises:
        ConfigError: The backbone is not to be had.
        CheckpointError: The backbone has other weights than the parts were trained on.
    """
    shape = trained.config.adapter
    scale, rank = shape.alpha / shape.rank, trained.rank
    adapter = shape.model_copy(update={"rank": rank, "alpha": scale * rank})
    config = trained.config.model_copy(update={"adapter": adapter})
    model = build_model(config, GradeScale(trained.grades), progress=progress)
    if model.fingerprint != trained.fingerprint:
        raise CheckpointError(
            f"{config.backbone}: holds other weights than the models were trained on; give the right ones "
            "(--backbone)"
        )
    put(model, trained)
    return model


def interpolated(
    first: Trained, second: Trained, alpha: float, *, progress: Progress = SILENT
) -> NeuralRelevanceModel:
    """The model (1 - alpha) first + alpha second, of the least rank: what is to be kept."""
    return model_of(compacted(mixed([first, second], [1 - alpha, alpha])), progress=progress)


def soup(parts: Sequence[Trained], *, progress: Progress = SILENT) -> NeuralRelevanceModel:
    """The mean of several models, say of one recipe's seeds, of the least rank."""
    return model_of(compacted(mixed(parts, [1 / len(parts)] * len(parts))), progress=progress)


class Line:
    """The straight line between two models; one model walks it, and no other is loaded.

    Args:
        first: Where alpha is 0.
        second: Where alpha is 1.
        progress: Told of a download.
    """

    def __init__(self, first: Trained, second: Trained, *, progress: Progress = SILENT) -> None:
        self.first, self.second = first, second
        self._model = model_of(mixed([first, second], [0.5, 0.5]), progress=progress)

    def at(self, alpha: float) -> NeuralRelevanceModel:
        """The model (1 - alpha) first + alpha second; the next call changes it."""
        put(self._model, mixed([self.first, self.second], [1 - alpha, alpha]))
        return self._model


def _factored(one: Factors) -> tuple[Factors, int]:
    """The same product by its singular values, the largest first, and how many of them float32 can tell."""
    left, between_left = torch.linalg.qr(one.up.double())
    right, between_right = torch.linalg.qr(one.down.double().T)
    u, s, vt = torch.linalg.svd(between_left @ between_right.T)
    size = min(u.shape[1], len(vt))
    rounding = torch.finfo(torch.float32).eps * float(s.max()) if len(s) else 0.0
    up, down = (left @ u[:, :size]) * s[:size], vt[:size] @ right.T
    return Factors(down.float(), up.float()), max(1, int((s > rounding).sum()))


def _part_faults(parts: Sequence[Trained]) -> list[str]:
    if not parts:
        return ["expected at least one model, received none"]
    first, faults = parts[0], []
    expected = first.config.model_dump(mode="json", exclude=OWN)
    for place, part in enumerate(parts[1:], start=2):
        if part.fingerprint != first.fingerprint:
            faults.append(f"model {place}: was trained on another backbone than model 1")
        if part.grades != first.grades:
            faults.append(f"model {place}: expected the grades {first.grades}, received {part.grades}")
        received = part.config.model_dump(mode="json", exclude=OWN)
        faults += [
            f"model {place}: {key}: expected {expected[key]!r} as in model 1, received {received[key]!r}"
            for key in expected
            if expected[key] != received[key]
        ]
    return faults


def _weight_faults(weights: Sequence[float], n_parts: int) -> list[str]:
    if len(weights) != n_parts:
        return [f"weights: expected {n_parts}, one for each model, received {len(weights)}"]
    if not all(map(math.isfinite, weights)) or abs(sum(weights) - 1) > 1e-6:
        return [f"weights: expected finite numbers that sum to 1, received {list(weights)}"]
    return []
