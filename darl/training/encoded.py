"""Graded pairs as a model reads them, and the lower layers' outputs for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from darl.models.apart import Sides
from darl.models.encoder import ApartPooling
from darl.models.neural import NeuralRelevanceModel
from darl.models.packing import pack
from darl.models.prompt import Tokens
from darl.models.side_by_side import Row
from darl.models.trunk import PackedCache, RowCache, Trunk
from darl.objectives.base import Objective
from darl.pairs import NO_RATINGS, GradedPair, Ratings
from darl.progress import Progress
from darl.training.ratings import expected_loss

GB = 1e9


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


def open_cache(
    model: NeuralRelevanceModel, texts: Sequence[Tokens], file: Path, limit_gb: float, progress: Progress
) -> PackedCache | RowCache | None:
    """The trunk's outputs for all texts, kept in `file`; None where there is nothing to keep.

    That is: the adapter reaches down to the lowest layer, the model pads its texts or cannot go without its
    trunk (which is tried), or the outputs would take more than `limit_gb` or than the disk has.
    """
    config = model.scorer.body.config.get_text_config()
    first = config.num_hidden_layers - (model.config.adapter.upper_layers or config.num_hidden_layers)
    pooling = model.scorer.pooling
    in_rows = isinstance(pooling, ApartPooling) and pooling.in_rows
    if not ((model.packs or in_rows) and first and limit_gb):
        return None
    ids = (
        [text for text in Sides.of(texts).texts if text] if in_rows else [text["input_ids"] for text in texts]
    )
    if not ids:
        return None
    trunk = Trunk(model.scorer.body, first)
    model.scorer.eval()  # an earlier stage may have left dropout on
    if not trunk.skips_cleanly((Row.of if in_rows else pack)(ids[:2], model.device)):
        return None
    cache = (RowCache if in_rows else PackedCache)(trunk, ids, file)
    file.parent.mkdir(parents=True, exist_ok=True)
    free = file.stat().st_size if file.exists() else shutil.disk_usage(file.parent).free
    if cache.size > min(limit_gb * GB, free):
        progress.message(
            f"the lower layers' outputs would take {cache.size / GB:.1f} GB: they are computed in each epoch "
            f"(trunk_cache_gb is {limit_gb:g}, free {free / GB:.1f} GB)"
        )
        return None
    return cache.fill(progress)


@contextmanager
def rows_known(model: NeuralRelevanceModel, cache: PackedCache | RowCache | None) -> Iterator[None]:
    """A block in which an encoder skips its lower layers where `cache` has what they say of a row's texts."""
    pooling = model.scorer.pooling
    if not (isinstance(cache, RowCache) and isinstance(pooling, ApartPooling)):
        yield
        return
    before, pooling.around = pooling.around, cache.skipped
    try:
        yield
    finally:
        pooling.around = before
