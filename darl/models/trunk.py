"""The frozen lower layers of a backbone: run by themselves, skipped, and what they say remembered.

Where only the upper layers have an adapter, what the lower ones say of a text's tokens never changes,
whatever is trained, with whichever recipe or seed (see lower_layers.py).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from darl.models.packed_attention import run_packed
from darl.models.packing import Ids, Packing
from darl.models.side_by_side import Row, run_row

TOLERANCE = 1e-4
GB = 1e9
CHUNK_BYTES = 1 << 28
"""Of each file; fewer where less is wanted or there."""


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

    @property
    def dtype(self) -> torch.dtype:
        """Of the frozen weights."""
        return next(self.body.parameters()).dtype

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


class TrunkMemory:
    """What a trunk says of texts, for all models that have the same trunk.

    It is kept in files without a name: on disk, as far as memory has no room, and gone with the process.

    Args:
        folder: Where the files are.
        limit_gb: Their size together, at most. What is beyond it is not kept.
    """

    def __init__(self, folder: Path, limit_gb: float) -> None:
        self.folder, self.limit = folder, int(limit_gb * GB)
        self._of: Hashable = None
        self._forget()

    def _forget(self) -> None:
        self._known: dict[tuple[int, ...], tuple[int, int]] = {}  # by text, its chunk and first row there
        self._chunks: list[Tensor] = []
        self._used = self._size = 0  # rows of the last chunk, bytes of all
        self.is_full = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is here yet."""
        return not self._known and not self.is_full

    def belongs_to(self, trunk: Hashable) -> None:
        """Say whose outputs are kept from here on; those of any other are forgotten."""
        if trunk != self._of:
            self._forget()
        self._of = trunk

    def lacks(self, texts: Sequence[Ids]) -> list[Ids]:
        """Those of the texts that are not here, each once."""
        return [list(text) for text in dict.fromkeys(map(tuple, texts)) if text not in self._known]

    def keep(self, texts: Sequence[Ids], states: Sequence[Tensor]) -> None:
        """Keep (len(text), D) states of each text, until there is no room."""
        for text, own in zip(texts, states, strict=True):
            fits = bool(self._chunks) and self._used + len(own) <= len(self._chunks[-1])
            if not fits and not self._add_chunk(own):
                self.is_full = True
                return
            self._chunks[-1][self._used : self._used + len(own)] = own
            self._known[tuple(text)] = len(self._chunks) - 1, self._used
            self._used += len(own)

    def find(self, texts: Sequence[Ids]) -> Tensor:
        """(sum of lengths, D) states of texts that are here, one after the other."""
        places = [(*self._known[tuple(text)], len(text)) for text in texts]
        return torch.cat([self._chunks[chunk][first : first + size] for chunk, first, size in places])

    def _add_chunk(self, own: Tensor) -> bool:
        """Room for a text's states at least; False where there is none."""
        row_bytes = own.shape[1] * own.dtype.itemsize
        self.folder.mkdir(parents=True, exist_ok=True)
        room = min(self.limit - self._size, shutil.disk_usage(self.folder).free // 2, CHUNK_BYTES)
        rows = max(room // row_bytes, 0)
        if rows < len(own):
            return False
        # Outside inference mode: what is made within it cannot be trained on.
        with tempfile.TemporaryFile(dir=self.folder) as file, torch.inference_mode(False):
            raw = np.memmap(file, np.uint8, "w+", shape=(rows * row_bytes,))
            self._chunks.append(torch.from_numpy(raw).view(own.dtype).view(rows, own.shape[1]))
        self._used, self._size = 0, self._size + rows * row_bytes
        return True


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
