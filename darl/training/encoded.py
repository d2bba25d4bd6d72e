"""Graded pairs as a model reads them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import Tokens
from darl.models.trunk import GB, TrunkMemory
from darl.objectives.base import Objective
from darl.pairs import NO_RATINGS, GradedPair, Ratings
from darl.progress import Progress
from darl.training.ratings import expected_loss


@dataclass(frozen=True)
class Encoded:
    """N graded pairs.

    Attributes:
        texts: Their tokens.
        grades: (N,) their grades.
        queries: (N,) a number of each pair's query.
        ratings: What several people said of each of the N pairs, or (grade,); [] where they did of none.
    """

    texts: list[Tokens]
    grades: Tensor
    queries: Tensor
    ratings: list[tuple[int, ...]]

    @classmethod
    def of(
        cls, model: NeuralRelevanceModel, graded: Sequence[GradedPair], ratings: Ratings = NO_RATINGS
    ) -> Encoded:
        """The pairs as `model` reads them."""
        numbers: dict[str, int] = {}
        ids = [numbers.setdefault(one.pair.query_id, len(numbers)) for one in graded]
        return cls(
            model.prompt.encode([one.pair for one in graded]),
            torch.tensor([one.grade for one in graded], dtype=torch.long),
            torch.tensor(ids, dtype=torch.long),
            [ratings.get(one.pair, (one.grade,)) for one in graded] if ratings else [],
        )

    def loss(self, objective: Objective, logits: Tensor) -> float:
        """Mean loss of all N pairs, given their (N, n_logits) logits.

        An objective that compares items sees each query's items by themselves and all of them, and its
        losses are averaged by the items of the queries: no cut into batches is in it.
        """
        parts = [torch.arange(len(self.texts))]
        if objective.compares_items:
            order, counts = self.queries.argsort(stable=True), self.queries.bincount()
            parts = list(order.tensor_split(counts.cumsum(dim=0)[:-1]))
        losses = [self.loss_of(objective, logits[part], part.tolist()) * len(part) for part in parts]
        return float(torch.stack(losses).sum()) / len(self.texts)

    def loss_of(self, objective: Objective, logits: Tensor, rows: list[int]) -> Tensor:
        """Mean loss of B of the pairs, given their (B, n_logits) logits, over all ratings of each."""
        queries = self.queries[rows].to(logits.device)
        if self.ratings:
            return expected_loss(objective, logits, [self.ratings[row] for row in rows], queries)
        return objective.loss(logits, self.grades[rows].to(logits.device), queries)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each pair."""
        return [len(text["input_ids"]) for text in self.texts]


@contextmanager
def lower_layers_once(
    model: NeuralRelevanceModel, texts: Sequence[Tokens], folder: Path, limit_gb: float, progress: Progress
) -> Iterator[None]:
    """A block in which what the layers below the adapter's say of each text is computed once.

    It is kept in `folder` for as long as the block lasts, unless the model knows it already.

    Args:
        model: What is trained.
        texts: What it will read.
        folder: For files, which are gone after the block.
        limit_gb: Their size, at most; 0 = nothing is kept.
        progress: Told how far it is.
    """
    if limit_gb and model.lower.knows(texts):
        yield
        return
    with model.lower.remembering(TrunkMemory(folder, limit_gb) if limit_gb else None):
        if not model.lower.learn(texts, progress):
            progress.message(
                "the lower layers' outputs take too much room: of some texts they are computed in each "
                f"epoch (trunk_cache_gb is {limit_gb:g}, free {shutil.disk_usage(folder).free / GB:.1f} GB)"
            )
        yield
