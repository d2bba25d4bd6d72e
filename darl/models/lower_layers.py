"""The layers of a model that no adapter changes: run once for each distinct text, if it is remembered."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from darl.models.apart import Sides
from darl.models.encoder import ApartPooling, nothing_around
from darl.models.packing import Ids, Packing, pack, row_plan, tree_places
from darl.models.prompt import Tokens
from darl.models.side_by_side import Row
from darl.models.trunk import Trunk, TrunkMemory
from darl.progress import SILENT, Progress, task

FILL_TOKENS = 2048


class LowerLayers:
    """The layers below those that have an adapter.

    Args:
        body: The backbone with its adapter.
        pooling: How it is read.
        upper_layers: How many layers have an adapter; None = all.
        packs: Whether it reads packed rows.
        of: Identity of the backbone's weights.
    """

    def __init__(
        self, body: nn.Module, pooling: nn.Module, upper_layers: int | None, *, packs: bool, of: Hashable
    ) -> None:
        self._body: Any = body
        self._apart = pooling if isinstance(pooling, ApartPooling) else None
        self._upper, self._packs, self._of = upper_layers, packs, of
        self._known: _Known | None = None

    @property
    def are_known(self) -> bool:
        """Whether what they say is remembered."""
        return self._known is not None

    def remember(self, memory: TrunkMemory | None) -> None:
        """Read texts that are in `memory`, in training and prediction, without them; None = no longer.

        Texts come into it by `learn` alone: what a row says to the last bit depends on what else is in it, so
        that what is remembered must not depend on what was read before. Nothing changes where the adapter
        reaches down to the lowest layer, where texts are padded, and where the model does not say the same
        without its lower layers, which is tried.
        """
        self._use(None)
        known = None if memory is None else self._known_in(memory)
        if memory is None or known is None:
            return
        self._body.eval()  # an earlier stage may have left dropout on
        vocabulary = self._body.config.get_text_config().vocab_size
        ids = [(7 * i + 3) % vocabulary for i in range(12)]
        if known.trunk.skips_cleanly(known.lay([ids, ids[:5]])):
            memory.belongs_to((self._of, len(known.trunk.lower), known.trunk.dtype))
            self._use(known)

    @contextmanager
    def remembering(self, memory: TrunkMemory | None) -> Iterator[None]:
        """A block in which `memory` is what they are remembered in, whatever is before and after it."""
        before = self._known
        self.remember(memory)
        try:
            yield
        finally:
            self._use(before)

    def knows(self, texts: Sequence[Tokens]) -> bool:
        """Whether what they say of all these texts is remembered."""
        return self._known is not None and not self._known.memory.lacks(self._ids(texts))

    def learn(self, texts: Sequence[Tokens], progress: Progress = SILENT) -> bool:
        """Remember what they say of texts; False where there is no room for it."""
        if self._known is None:
            return True
        return self._known.learn(self._ids(texts), progress)

    def skipped(self, packing: Packing, texts: Sequence[Ids]) -> AbstractContextManager[None]:
        """A block in which they are not run over a packed row of these texts, if what they say is known."""
        return nullcontext() if self._known is None else self._known.skipped(packing, texts)

    @contextmanager
    def run_for(self, layer: int | None) -> Iterator[None]:
        """A block in which they are run, if a layer is asked for by its number."""
        before = self._known
        if layer is not None:
            self._use(None)
        try:
            yield
        finally:
            self._use(before)

    def _ids(self, texts: Sequence[Tokens]) -> list[Ids]:
        """What the body reads of pairs: them, or each of their texts by itself."""
        ids = [text["input_ids"] for text in texts] if self._apart is None else Sides.of(texts).texts
        return [one for one in ids if one]

    def _known_in(self, memory: TrunkMemory) -> _Known | None:
        """None where there is nothing to remember, or no way to skip it."""
        layers = self._body.config.get_text_config().num_hidden_layers
        first = layers - (self._upper or layers)
        in_rows = self._apart is not None and self._apart.in_rows
        if not first or not (self._packs or in_rows):
            return None
        try:
            return _Known(Trunk(self._body, first), memory, self._packs)
        except ValueError:  # its layers are not in one list
            return None

    def _use(self, known: _Known | None) -> None:
        self._known = known
        if self._apart is not None:
            self._apart.around = nothing_around if known is None else known.skipped


@dataclass(frozen=True)
class _Known:
    """A trunk and what is remembered of what it says.

    Attributes:
        trunk: Asked of texts that are new.
        memory: Belongs to it.
        packed: Whether it reads packed rows (decoders) or rows of texts (encoders).
    """

    trunk: Trunk
    memory: TrunkMemory
    packed: bool

    def lay(self, texts: Sequence[Ids]) -> Packing | Row:
        """Texts as the trunk reads them."""
        return pack(texts, self.trunk.device) if self.packed else Row.of(texts, self.trunk.device)

    def learn(self, texts: Sequence[Ids], progress: Progress = SILENT) -> bool:
        """Have what the trunk says of all texts, none empty; False where there is no room."""
        new = self.memory.lacks(texts)
        if not new or self.memory.is_full:
            return not new
        with task(progress, "lower layers, once", len(new), "texts"):
            for rows in row_plan(new, FILL_TOKENS):
                some = [new[row] for row in rows]
                self.memory.keep(some, self._states(some))
                if self.memory.is_full:
                    return False
                progress.advance(len(rows))
        return True

    def skipped(self, laid: Packing | Row, texts: Sequence[Ids]) -> AbstractContextManager[None]:
        """A block in which the trunk is not run over a row of these texts, if all are known."""
        if self.memory.lacks(texts):
            return nullcontext()
        device = self.trunk.device
        lengths = torch.tensor([len(text) for text in texts], device=device)
        starts = lengths.cumsum(0) - lengths
        states = self.memory.find(texts).to(device)
        return self.trunk.skipped(states.index_select(0, starts[laid.texts] + laid.positions))

    def _states(self, texts: Sequence[Ids]) -> list[Tensor]:
        """(len(text), D) what the trunk says of each text's tokens."""
        laid = self.lay(texts)
        states = self.trunk.run(laid).cpu()
        if isinstance(laid, Packing):
            places = torch.from_numpy(tree_places(texts))
            return [states[of[: len(text)]] for of, text in zip(places, texts, strict=True)]
        in_order = torch.split(states, laid.lengths.tolist())
        return [in_order[place] for place in laid.back.tolist()]
