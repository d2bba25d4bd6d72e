"""The trainable low-rank weights on a frozen backbone, through peft."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn
from transformers import PreTrainedModel

from darl.errors import ConfigError
from darl.models.config import AdapterConfig


def attach(body: PreTrainedModel, config: AdapterConfig, backbone: str) -> PeftModel:
    """Freeze the body and put a fresh adapter on it: every linear map of its (upper) layers, in float32.

    A fresh adapter changes nothing until it is trained.

    Raises:
        ConfigError: More upper layers are asked for than the backbone has.
    """
    total = int(body.config.get_text_config().num_hidden_layers)
    upper = total if config.upper_layers is None else config.upper_layers
    if upper > total:
        raise ConfigError("adapter", [f"upper_layers: expected 1..{total} for {backbone}, received {upper}"])
    names = _linear_names(body, first=total - upper)
    if not names:
        raise ConfigError("adapter", [f"{backbone}: has no linear map (torch.nn.Linear) to adapt"])
    adapted = get_peft_model(
        body,
        LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,  # type: ignore[arg-type] # annotated int, used as a number
            lora_dropout=config.dropout,
            target_modules=names,
        ),
    )
    if not isinstance(adapted, PeftModel):
        raise ConfigError("adapter", [f"{backbone}: peft cannot adapt it"])
    # Otherwise the folder the weights were loaded from, a path of the user's, would travel with the adapter.
    adapted.peft_config["default"].base_model_name_or_path = backbone
    return adapted


def _linear_names(body: PreTrainedModel, first: int) -> list[str]:
    """The linear maps inside layer `first` and above (so no pooler, embedding or head)."""
    return [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear)
        and any(part.isdigit() and int(part) >= first for part in name.split(".")[:3])
    ]


class FoldedAdapter:
    """The adapter added into the backbone's weights while nothing is trained.

    W + (alpha / rank) B A takes the place of W, so that a forward pass has no low-rank maps beside the full
    ones. The sums are kept until the adapter changes; the backbone's own weights come back to the bit. One
    thread at a time is in the block, unless the adapter stays folded in.

    Args:
        body: The backbone with its adapter.
    """

    def __init__(self, body: PeftModel) -> None:
        self.body = body
        self._sums: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        self._lock = RLock()
        self._for_good: ExitStack | None = None

    def stay(self) -> None:
        """Fold the adapter in for good: from then on any number of threads may predict at once."""
        with self._lock:
            if self._for_good is None:
                folded = ExitStack()
                folded.enter_context(self._swapped())
                self._for_good = folded

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A block in which the folded weights are the backbone's, and the adapter rests."""
        if self._for_good is not None:
            yield
            return
        with self._lock, self._swapped():
            yield

    @contextmanager
    def _swapped(self) -> Iterator[None]:
        layers: dict[str, Any] = {
            name: one for name, one in self.body.named_modules() if isinstance(one, LoraLinear)
        }
        own = {name: layer.get_base_layer().weight.data for name, layer in layers.items()}
        try:
            for name, layer in layers.items():
                layer.get_base_layer().weight.data = self._sum(name, layer, own[name])
            with self.body.disable_adapter():
                yield
        finally:
            for name, layer in layers.items():
                layer.get_base_layer().weight.data = own[name]

    @contextmanager
    def resting(self) -> Iterator[None]:
        """A block in which the backbone's weights are its own, and the adapter rests.

        Raises:
            ConfigError: The adapter is folded in for good.
        """
        if self._for_good is not None:
            raise ConfigError("features", ["the adapter is folded in for good: load the model again"])
        with self._lock, self.body.disable_adapter():
            yield

    def forget(self) -> None:
        """Let go of the sums."""
        self._sums.clear()

    @torch.no_grad()
    def _sum(self, name: str, layer: Any, weight: Tensor) -> Tensor:  # noqa: ANN401 # peft's layers are not typed
        down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        if known := self._sums.get(name):
            before_down, before_up, total = known
            # A block within the block finds the sum itself in the weight's place.
            same = (weight.dtype, weight.device) == (total.dtype, total.device)
            if weight.data_ptr() == total.data_ptr() or (
                same and torch.equal(before_down, down) and torch.equal(before_up, up)
            ):
                return total
        total = torch.addmm(weight.float(), up.float(), down.float(), alpha=layer.scaling["default"])
        self._sums[name] = down.detach().clone(), up.detach().clone(), total.to(weight.dtype)
        return self._sums[name][2]
