"""An encoder as a grader: query and item are read, jointly or apart, pooled, and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel

from darl.models.packing import Ids
from darl.models.side_by_side import Row, run_row

QUERY, ITEM = 1, 2
Around = Callable[[Row, Sequence[Ids]], AbstractContextManager[object]]


class MatchPooling(nn.Module):
    """What the query is, what the item is, and how they differ and agree.

    With u and v the means of the hidden states over the query's and the item's tokens, each scaled to
    length sqrt(D): features = [u, v, |u - v|, u * v]. Both texts are read in one sequence, so u has seen
    the item and v the query: a cross-encoder, that can learn from many labels how the two go together.
    Of what an encoder was pre-trained for, to put like texts close, little is left in such a sequence (see
    `ApartPooling`).

    Reference: the features are those of Conneau et al., "Supervised Learning of Universal Sentence
    Representations", EMNLP 2017, arXiv 1705.02364.
    """

    widening = 4

    def forward(self, body: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """(B, T) tokens -> (B, 4 D) features."""
        inputs = {key: value for key, value in batch.items() if key != "segments"}
        hidden: Tensor = body(**inputs).last_hidden_state.float()
        query, item = (_mean(hidden, batch["segments"] == part) for part in (QUERY, ITEM))
        return compare(query, item)


class ApartPooling(MatchPooling):
    """The same of texts that are read apart: u has not seen the item, nor v the query.

    That is what sentence encoders were trained for: their u'v is a good measure of relevance before any
    label, and stays one on traffic that no label speaks of (docs/results/encoder-reading.md). A text that
    stands in several pairs of a batch is read once; for prediction see apart.py.

    Args:
        in_rows: Whether the encoder reads rows of texts (see side_by_side.py).

    Attributes:
        around: The block in which a row of texts is read; lower layers are skipped there.

    Reference: Reimers and Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP
    2019, arXiv 1908.10084.
    """

    def __init__(self, in_rows: bool = False) -> None:
        super().__init__()
        self.in_rows = in_rows
        self.around: Around = nothing_around

    def read(self, body: nn.Module, texts: Sequence[Ids]) -> Tensor:
        """(B, D) readings of B texts, none empty, in one forward pass: u of a query, v of an item."""
        device = next(body.parameters()).device
        if self.in_rows:
            row = Row.of(texts, device)
            with self.around(row, texts):
                hidden = run_row(body, row)
            return _scaled(row.means(hidden.float()))
        longest = max(map(len, texts))
        ids = torch.tensor([[*text, *[-1] * (longest - len(text))] for text in texts], device=device)
        return _means(body, ids)

    def forward(self, body: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """(B, T) tokens, the query's and then the item's -> (B, 4 D) features."""
        if self.in_rows:
            return compare(*self._read_row(body, batch))
        return compare(*(self._read(body, batch, part) for part in (QUERY, ITEM)))

    def _read_row(self, body: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D) readings of the queries and of the items, in one forward pass without padding."""
        ids, segments = (batch[key].tolist() for key in ("input_ids", "segments"))
        known: dict[tuple[int, ...], int] = {(): 0}  # a text without any token is 0
        query, item = (
            [
                known.setdefault(
                    tuple(token for token, of in zip(*row, strict=True) if of == part), len(known)
                )
                for row in zip(ids, segments, strict=True)
            ]
            for part in (QUERY, ITEM)
        )
        readings = F.pad(self.read(body, [list(text) for text in known if text]), (0, 0, 1, 0))
        return readings[query], readings[item]

    def _read(self, body: nn.Module, batch: dict[str, Tensor], part: int) -> Tensor:
        """(B, D) means of one of the two texts."""
        own = batch["segments"] == part
        first, lengths = own.int().argmax(dim=1, keepdim=True), own.sum(dim=1, keepdim=True)
        places = torch.arange(int(lengths.max()), device=own.device)[None, :]
        ids = batch["input_ids"].gather(1, (first + places).clamp(max=own.shape[1] - 1))
        texts, which = torch.unique(torch.where(places < lengths, ids, -1), dim=0, return_inverse=True)
        return _means(body, texts)[which]


def nothing_around(row: Row, texts: Sequence[Ids]) -> AbstractContextManager[object]:
    """A block in which nothing is special."""
    return nullcontext()


def compare(query: Tensor, item: Tensor) -> Tensor:
    """(B, D) of queries and of items -> (B, 4 D) features: both, how they differ, how they agree."""
    return torch.cat((query, item, (query - item).abs(), query * item), dim=-1)


def _means(body: nn.Module, texts: Tensor) -> Tensor:
    """(B, D) readings of (B, S) tokens, padded with -1."""
    mask = texts >= 0
    hidden = body(input_ids=texts.clamp(min=0), attention_mask=mask.long()).last_hidden_state
    return _mean(hidden.float(), mask)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of (B, T, D) over the tokens of a (B, T) mask, scaled to length sqrt(D)."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return _scaled((hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0))


def _scaled(means: Tensor) -> Tensor:
    """(B, D) means, each scaled to length sqrt(D)."""
    scaled: Tensor = F.normalize(means, dim=-1) * means.shape[-1] ** 0.5
    return scaled


def pooling_for(reading: Literal["apart", "joint"], in_rows: bool = False) -> MatchPooling:
    """How texts are read and compared; `in_rows`: texts that are read apart need no padding."""
    return ApartPooling(in_rows) if reading == "apart" else MatchPooling()


def load_encoder(folder: Path, dtype: torch.dtype, trust_remote_code: bool) -> PreTrainedModel:
    """The encoder in `folder`, without any head and without its own dropout.

    Its weights are frozen, so there is nothing in it to regularise; the adapter has a dropout of its own.
    """
    body: PreTrainedModel = AutoModel.from_pretrained(
        folder, dtype=dtype, trust_remote_code=trust_remote_code, local_files_only=True
    )
    for module in body.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return body
