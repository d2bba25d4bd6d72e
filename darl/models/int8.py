"""Linear maps in 8-bit integers: weights once, activations a token at a time.

    y[t, o] = s[t] * w[o] * sum_i q[t, i] * W[o, i] + b[o]

    c[i] = sqrt(max_t |x[t, i]| / max_o |weight[o, i]|)       over calibration texts
    s[t] = max_i |x[t, i] / c[i]| / 127           q[t, i] = round(x[t, i] / c[i] / s[t])       in [-127, 127]
    w[o] = max_i |weight[o, i] * c[i]| / 63       W[o, i] = round(weight[o, i] * c[i] / w[o])  in [-63, 63]

c moves the few huge channels of an LLM's activations into the weights (SmoothQuant, Xiao et al. 2022, arXiv
2211.10438). A token's scale is its own, so no result depends on what else is in the batch. Weights have 7 of
the 8 bits: processors without a dot product of bytes (VNNI) add pairs of products in 16 bits, where
255 * 127 * 2 would overflow silently and 255 * 63 * 2 does not. So all processors compute the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

ACTIVATION_STEPS, WEIGHT_STEPS = 127, 63
SMALLEST = 1e-12


class LastInput:
    """The last activations in 8 bits; maps that read the same tensor (queries and gates) share them."""

    def __init__(self) -> None:
        self._of: Tensor | None = None
        self._result: tuple[Tensor, Tensor] | None = None

    def quantise(self, states: Tensor, smooth: Tensor) -> tuple[Tensor, Tensor]:
        """(T, I) float32 and (I,) 1 / c -> (T, I) unsigned bytes, zero at 128, and their (T, 1) scales.

        Maps that read the same tensor were given the same c.
        """
        if self._result is None or self._of is not states:
            self._of, self._result = states, _quantise(states, smooth)
        return self._result

    def forget(self) -> None:
        """Let go of the tensors."""
        self._of = self._result = None


def _quantise(states: Tensor, smooth: Tensor) -> tuple[Tensor, Tensor]:
    rows = states.reshape(-1, states.shape[-1]) * smooth
    # Faster than the maximum of the absolute values, which would be written out first.
    largest = torch.maximum(rows.amax(dim=1, keepdim=True), -rows.amin(dim=1, keepdim=True))
    scale = largest.clamp_(min=SMALLEST).div_(ACTIVATION_STEPS)
    signed = rows.div_(scale).round_().to(torch.int8)
    return signed.view(torch.uint8).bitwise_xor_(128), scale


class Int8Linear(nn.Module):
    """A linear map whose weights are whole numbers in [-63, 63].

    Args:
        weight: (O, I) int8.
        scale: (O,) float32.
        smooth: (I,) float32, 1 / c.
        bias: (O,) float32, or None.
        shared: Where the last activations are kept.
    """

    def __init__(
        self, weight: Tensor, scale: Tensor, smooth: Tensor, bias: Tensor | None, shared: LastInput
    ) -> None:
        super().__init__()
        self.weight: Tensor
        self.scale: Tensor
        self.smooth: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("smooth", smooth)
        self.register_buffer("bias", bias)
        self.shared = shared
        self.out_features = weight.shape[0]
        self._packed: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, linear: nn.Linear, channels: Tensor, shared: LastInput) -> Int8Linear:
        """A float map in 8 bits, with (I,) `channels` c."""
        values = linear.weight.detach().float() * channels
        scale = values.abs().amax(dim=1).clamp_(min=SMALLEST) / WEIGHT_STEPS
        whole = (values / scale[:, None]).round_().to(torch.int8)
        bias = None if linear.bias is None else linear.bias.detach().float().clone()
        return cls(whole, scale, 1 / channels, bias, shared)

    @classmethod
    def empty(cls, linear: nn.Linear, shared: LastInput) -> Int8Linear:
        """A map of the same shape, to load a state into."""
        n_out, n_in = linear.weight.shape
        bias = None if linear.bias is None else torch.zeros(n_out)
        return cls(
            torch.zeros(n_out, n_in, dtype=torch.int8), torch.ones(n_out), torch.ones(n_in), bias, shared
        )

    def forward(self, states: Tensor) -> Tensor:
        """(..., I) float32 -> (..., O) float32."""
        if self._packed is None:
            zeros = torch.zeros(self.out_features, dtype=torch.long)
            self._packed = torch.ops.onednn.qlinear_prepack(self.weight, None), zeros
        packed, zeros = self._packed
        whole, scale = self.shared.quantise(states, self.smooth)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, 128, packed, self.scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        product *= scale
        if self.bias is not None:
            product += self.bias
        return product.view(*states.shape[:-1], self.out_features)


def to_int8(body: nn.Module, calibrate: Callable[[], object]) -> None:
    """Put every wide linear map of a body into 8 bits, in place.

    Narrow ones (keys and values of grouped heads) stay as they are: they take little time, and all that a
    token says to others goes through them.

    Args:
        body: In float32, on a CPU.
        calibrate: Runs the body over texts that are like those it will read.
    """
    seen = _Channels(body)
    with seen.watching():
        calibrate()
    _replace(body, lambda linear, shared: Int8Linear.of(linear, seen.of(linear), shared))


def to_empty_int8(body: nn.Module) -> None:
    """Replace the maps that `to_int8` would put into 8 bits by ones that a state is to be loaded into."""
    _replace(body, Int8Linear.empty)


def _is_wide(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and module.out_features * 3 > module.in_features


def _replace(body: nn.Module, make: Callable[[nn.Linear, LastInput], Int8Linear]) -> None:
    shared = LastInput()
    for parent in list(body.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and _is_wide(child):
                setattr(parent, name, make(child, shared))
    body.register_forward_hook(lambda *_: shared.forget())


class _Channels:
    """The largest input of every wide map, channel by channel, and which maps read the same tensor."""

    def __init__(self, body: nn.Module) -> None:
        self.maps = [one for one in body.modules() if isinstance(one, nn.Linear) and _is_wide(one)]
        self.largest: dict[nn.Linear, Tensor] = {}
        self.readers: dict[nn.Linear, list[nn.Linear]] = {}
        self._last: tuple[Tensor, list[nn.Linear]] | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        handles = [one.register_forward_pre_hook(self._see) for one in self.maps]
        try:
            yield
        finally:
            self._last = None
            for handle in handles:
                handle.remove()

    def _see(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        linear = cast("nn.Linear", module)
        states = inputs[0]
        if self._last is None or self._last[0] is not states:
            self._last = states, []
        self._last[1].append(linear)
        self.readers[linear] = self._last[1]
        largest = states.detach().reshape(-1, states.shape[-1]).abs().amax(dim=0).float()
        before = self.largest.get(linear)
        self.largest[linear] = largest if before is None else torch.maximum(before, largest)

    def of(self, linear: nn.Linear) -> Tensor:
        """(I,) c of a map; equal for all that read the same tensor. 1 for one that was never run."""
        if linear not in self.largest:
            return torch.ones(linear.in_features)
        weights = torch.cat([one.weight.detach().float() for one in self.readers[linear]])
        moved = self.largest[linear].clamp(min=SMALLEST) / weights.abs().amax(dim=0).clamp(min=SMALLEST)
        return moved.sqrt()
