"""The frozen lower layers of a backbone: run by themselves, skipped, and their outputs kept on disk.

Where only the upper layers have an adapter, what the lower ones say of a token never changes: it is
computed once for all epochs. Of decoders that is once for each beginning that texts share (`PackedCache`), of
encoders, whose tokens see what comes after them, once for each distinct text (`RowCache`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from darl.files import whole_file
from darl.models.packed_attention import run_packed
from darl.models.packing import Ids, Packing, pack, row_plan, tree_places
from darl.models.side_by_side import Row, run_row
from darl.progress import SILENT, Progress, task

FILL_TOKENS = 2048
TOLERANCE = 1e-4
Laid = TypeVar("Laid", Packing, Row)


class Trunk:
    """The layers below the lowest one with an adapter.

    Args:
        body: A decoder that reads packed rows, or an encoder that reads rows of texts.
        first: Number of the lowest layer above the trunk, at least 1.

    Raises:
        ValueError: It does not keep its layers in one list.
    """

    def __init__(self, body: nn.Module, first: int) -> None:
        layers = _layers(body)
        self.body, self.lower, self.upper = body, layers[:first], layers[first:]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.body.parameters()).device

    @torch.no_grad()
    def run(self, row: Packing | Row) -> Tensor:
        """(T, D) what the trunk says of each token of a row."""
        kept: list[Tensor] = []

        def keep(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:  # noqa: ANN401
            kept.append(hidden_states[0])
            return hidden_states

        with _forwards(self.upper, [keep] + [_pass_on] * (len(self.upper) - 1)):
            _run(self.body, row)
        return kept[0]

    @contextmanager
    def skipped(self, states: Tensor) -> Iterator[None]:
        """A block in which the trunk is not run, but gives (T, D) `states`."""
        given = states.unsqueeze(0)
        with _forwards(self.lower, [lambda *_, **__: given] + [_pass_on] * (len(self.lower) - 1)):
            yield

    @torch.no_grad()
    def skips_cleanly(self, row: Packing | Row) -> bool:
        """Whether the body says the same when its trunk is skipped."""
        whole = _run(self.body, row)
        try:
            with self.skipped(self.run(row)):
                upper = _run(self.body, row)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return False
        return torch.allclose(upper, whole, rtol=TOLERANCE, atol=TOLERANCE * float(whole.abs().max()))


class TrunkCache(ABC, Generic[Laid]):
    """What the trunk says of the tokens of N texts, in one file of T x D numbers.

    Nothing is computed or written before `fill`.

    Args:
        trunk: Whose outputs.
        texts: Token ids of the N texts.
        rows: T.
        file: Where the numbers are kept.
    """

    def __init__(self, trunk: Trunk, texts: Sequence[Ids], rows: int, file: Path) -> None:
        self.trunk, self.texts, self.file = trunk, texts, file
        probe = trunk.run(self._lay(texts[:1]))
        self.shape, self.dtype = (rows, probe.shape[1]), probe.dtype
        self.states: Tensor = probe[:0]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def fill(self, progress: Progress = SILENT) -> Self:
        """Run the trunk over all texts; a whole file that is there is used again."""
        if not self.file.exists():
            with whole_file(self.file) as temporary:
                self._write(self._opened(temporary), progress)
        self.states = self._opened(self.file)
        return self

    def _opened(self, file: Path) -> Tensor:
        rows, width = self.shape
        flat = torch.from_file(str(file), shared=True, size=rows * width, dtype=self.dtype)
        return flat.view(rows, width)

    def _write(self, states: Tensor, progress: Progress) -> None:
        with task(progress, "lower layers, once", len(self.texts), "texts"):
            for rows in row_plan(self.texts, FILL_TOKENS):
                laid = self._lay([self.texts[row] for row in rows])
                states[self._places(laid, rows)] = self.trunk.run(laid).cpu()
                progress.advance(len(rows))

    @abstractmethod
    def _lay(self, texts: Sequence[Ids]) -> Laid:
        """Texts as the body reads them."""

    @abstractmethod
    def _places(self, laid: Laid, rows: Sequence[int]) -> Tensor:
        """Which row of the file is that of each token, if these of the N texts were laid out."""

    def _found(self, laid: Laid, rows: Sequence[int]) -> Tensor:
        """What the file has of each token."""
        return self.states.index_select(0, self._places(laid, rows)).to(self.trunk.device)


class PackedCache(TrunkCache[Packing]):
    """Of every distinct beginning of N texts, for decoders."""

    def __init__(self, trunk: Trunk, texts: Sequence[Ids], file: Path) -> None:
        self.places = tree_places(texts)
        super().__init__(trunk, texts, int(self.places.max()) + 1, file)

    def _lay(self, texts: Sequence[Ids]) -> Packing:
        return pack(texts, self.trunk.device)

    def _places(self, laid: Packing, rows: Sequence[int]) -> Tensor:
        texts = np.asarray(rows)[laid.texts.cpu().numpy()]
        return torch.from_numpy(self.places[texts, laid.positions.cpu().numpy()])

    def skip(self, packing: Packing, rows: Sequence[int]) -> Packing:
        """A row of some of the texts that takes the trunk's outputs from the file."""
        return replace(packing, around=partial(self.trunk.skipped, self._found(packing, rows)))


class RowCache(TrunkCache[Row]):
    """Of N texts, all different and none empty, for encoders that read rows."""

    def __init__(self, trunk: Trunk, texts: Sequence[Ids], file: Path) -> None:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self.starts = np.cumsum(lengths) - lengths
        self.known = {tuple(text): row for row, text in enumerate(texts)}
        super().__init__(trunk, texts, int(lengths.sum()), file)

    def _lay(self, texts: Sequence[Ids]) -> Row:
        return Row.of(texts, self.trunk.device)

    def _places(self, laid: Row, rows: Sequence[int]) -> Tensor:
        order = laid.back.cpu().numpy().argsort()
        starts = self.starts[np.asarray(rows)[order]]
        return torch.from_numpy(np.repeat(starts, laid.lengths.cpu().numpy())) + laid.positions.cpu()

    @contextmanager
    def skipped(self, row: Row, texts: Sequence[Ids]) -> Iterator[None]:
        """A block in which the trunk is not run over a row of `texts`, if all of them are in the file."""
        rows = [self.known.get(tuple(text)) for text in texts]
        known = [one for one in rows if one is not None]
        with self.trunk.skipped(self._found(row, known)) if len(known) == len(rows) else nullcontext():
            yield


def _run(body: nn.Module, row: Packing | Row) -> Tensor:
    return run_packed(body, row) if isinstance(row, Packing) else run_row(body, row)


def _pass_on(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:  # noqa: ANN401
    return hidden_states


@contextmanager
def _forwards(layers: Sequence[nn.Module], forwards: Sequence[Callable[..., Tensor]]) -> Iterator[None]:
    """A block in which layers compute something else; they keep their places and attributes."""
    before = [layer.__dict__.get("forward") for layer in layers]
    try:
        for layer, forward in zip(layers, forwards, strict=True):
            layer.__dict__["forward"] = forward
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            if own is None:
                layer.__dict__.pop("forward", None)
            else:
                layer.__dict__["forward"] = own


def _layers(body: Any) -> list[nn.Module]:  # noqa: ANN401 # any decoder
    n_layers = body.config.get_text_config().num_hidden_layers
    for module in body.modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return list(module)
    raise ValueError(f"expected one list of {n_layers} layers, found none")
