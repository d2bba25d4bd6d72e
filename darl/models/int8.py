"""Linear maps in 8-bit integers: weights once, activations a token at a time.

    y[t, o] = s[t] * w[o] * sum_i q[t, i] * W[o, i] + b[o]

    s[t] = max_i |x[t, i]| / 127        q[t, i] = round(x[t, i] / s[t])       in [-127, 127]
    w[o] = max_i |weight[o, i]| / 63    W[o, i] = round(weight[o, i] / w[o])  in [-63, 63]

A token's scale is its own, so no result depends on what else is in the batch. Weights have 7 of the 8 bits:
processors without a dot product of bytes (VNNI) add pairs of products in 16 bits, where 255 * 127 * 2 would
overflow silently and 255 * 63 * 2 does not; so every processor computes the same integers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

ACTIVATION_STEPS, WEIGHT_STEPS = 127, 63
SMALLEST = 1e-12


class LastInput:
    """The last activations in 8 bits; maps that read the same tensor (queries, keys, values) share them."""

    def __init__(self) -> None:
        self._of: Tensor | None = None
        self._result: tuple[Tensor, Tensor] | None = None

    def quantise(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """(T, I) float32 -> (T, I) unsigned bytes, zero at 128, and their (T, 1) scales."""
        if self._result is None or self._of is not states:
            self._of, self._result = states, _quantise(states)
        return self._result

    def forget(self) -> None:
        """Let go of the tensors."""
        self._of = self._result = None


def _quantise(states: Tensor) -> tuple[Tensor, Tensor]:
    rows = states.reshape(-1, states.shape[-1])
    # Twice as fast as the maximum of the absolute values, which would be written out first.
    largest = torch.maximum(rows.amax(dim=1, keepdim=True), -rows.amin(dim=1, keepdim=True))
    scale = largest.clamp_(min=SMALLEST).div_(ACTIVATION_STEPS)
    signed = (rows / scale).round_().to(torch.int8)
    return signed.view(torch.uint8).bitwise_xor_(128), scale


class Int8Linear(nn.Module):
    """A linear map whose weights are whole numbers in [-63, 63].

    Args:
        weight: (O, I) int8.
        scale: (O,) float32.
        bias: (O,) float32, or None.
        shared: Where the last activations are kept.
    """

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None, shared: LastInput) -> None:
        super().__init__()
        self.weight: Tensor
        self.scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self.shared = shared
        self.in_features, self.out_features = weight.shape[1], weight.shape[0]
        self._packed: Tensor | None = None

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor | None, shared: LastInput) -> Int8Linear:
        """A float map in 8 bits."""
        values = weight.detach().float()
        scale = values.abs().amax(dim=1).clamp_(min=SMALLEST) / WEIGHT_STEPS
        whole = (values / scale[:, None]).round_().to(torch.int8)
        return cls(whole, scale, None if bias is None else bias.detach().float().clone(), shared)

    @classmethod
    def empty(cls, out_features: int, in_features: int, bias: bool, shared: LastInput) -> Int8Linear:
        """A map of a shape, to load a state into."""
        weight = torch.zeros(out_features, in_features, dtype=torch.int8)
        return cls(weight, torch.ones(out_features), torch.zeros(out_features) if bias else None, shared)

    def forward(self, states: Tensor) -> Tensor:
        """(..., I) float32 -> (..., O) float32."""
        if self._packed is None:
            self._packed = torch.ops.onednn.qlinear_prepack(self.weight, None)
            self._zeros = torch.zeros(self.out_features, dtype=torch.long)
        whole, scale = self.shared.quantise(states)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, 128, self._packed, self.scale, self._zeros,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        product *= scale
        if self.bias is not None:
            product += self.bias
        return product.view(*states.shape[:-1], self.out_features)


def to_int8(body: nn.Module) -> nn.Module:
    """Every linear map of a body in 8 bits, in place."""
    return _replace(body, lambda one, shared: Int8Linear.of(one.weight, one.bias, shared))


def to_empty_int8(body: nn.Module) -> nn.Module:
    """Every linear map of a body replaced by one of its shape in 8 bits, to load a state into."""
    return _replace(
        body,
        lambda one, shared: Int8Linear.empty(one.out_features, one.in_features, one.bias is not None, shared),
    )


def _replace(body: nn.Module, make: Callable[[nn.Linear, LastInput], Int8Linear]) -> nn.Module:
    shared = LastInput()
    for parent in list(body.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, make(child, shared))
    body.register_forward_hook(lambda *_: shared.forget())
    return body
