import pytest
import torch
from torch import nn

from darl.models.int8 import Int8Linear, LastInput, to_empty_int8, to_int8


class Body(nn.Module):
    """Two maps that read the same tensor, one that reads what they say, and a narrow one."""

    def __init__(self, bias=False):
        super().__init__()
        self.one, self.two = nn.Linear(64, 48, bias=bias), nn.Linear(64, 48, bias=bias)
        self.three, self.narrow = nn.Linear(48, 32, bias=bias), nn.Linear(64, 16, bias=bias)

    def forward(self, states):
        return self.three(torch.tanh(self.one(states)) * self.two(states)), self.narrow(states)


def texts(rows=40, seed=0):
    states = torch.randn(rows, 64, generator=torch.Generator().manual_seed(seed))
    states[:, 5] *= 60  # a huge channel, as LLMs have them
    return states


def quantised(bias=False, seed=1):
    torch.manual_seed(seed)
    body = Body(bias)
    with torch.no_grad():
        exact = body(texts())
    to_int8(body, lambda: body(texts(200, 7)))
    return body, exact


@torch.no_grad()
def test_whole_numbers_are_as_the_formula_says():
    torch.manual_seed(0)
    linear, channels = nn.Linear(64, 48), torch.rand(64) + 0.5
    states = texts()
    received = Int8Linear.of(linear, channels, LastInput())(states)
    weight = linear.weight * channels
    w = weight.abs().amax(dim=1) / 63
    x = states / channels
    s = x.abs().amax(dim=1, keepdim=True) / 127
    q, whole = (x / s).round(), (weight / w[:, None]).round()
    assert whole.abs().max() == 63
    assert q.abs().max() == 127
    expected = s * w * (q.double() @ whole.double().t()).float() + linear.bias
    torch.testing.assert_close(received, expected, atol=1e-3, rtol=1e-4)
    assert (received - linear(states)).norm() < 0.05 * linear(states).norm()


@torch.no_grad()
def test_sums_do_not_overflow_on_any_processor():
    linear = nn.Linear(256, 4, bias=False)
    linear.weight.fill_(1.0)
    received = Int8Linear.of(linear, torch.ones(256), LastInput())(torch.full((3, 256), 1.0))
    torch.testing.assert_close(received, torch.full((3, 4), 256.0))


@torch.no_grad()
@pytest.mark.parametrize("bias", [False, True])
def test_a_body_in_8_bits_is_near_the_body(bias):
    body, exact = quantised(bias)
    assert isinstance(body.one, Int8Linear)
    assert isinstance(body.narrow, nn.Linear)
    received = body(texts())
    torch.testing.assert_close(received[1], exact[1])
    assert (received[0] - exact[0]).norm() < 0.06 * exact[0].norm()


@torch.no_grad()
def test_the_huge_channel_is_moved_into_the_weights():
    """Without calibration the same maps are several times further from the truth."""
    body, exact = quantised()
    torch.manual_seed(1)
    plain = Body()
    to_int8(plain, lambda: None)
    error, without = ((one(texts())[0] - exact[0]).norm() for one in (body, plain))
    assert 2 * error < without


@torch.no_grad()
def test_no_token_depends_on_its_neighbours():
    body, _ = quantised()
    states = texts()
    together = body(states)[0]
    for row in (0, 17):
        torch.testing.assert_close(
            body(states[row : row + 1])[0], together[row : row + 1], atol=1e-6, rtol=1e-6
        )
    louder = torch.cat([states[:5], states[5:] * 1e3])
    torch.testing.assert_close(body(louder)[0][:5], together[:5], atol=1e-6, rtol=1e-6)


@torch.no_grad()
def test_maps_that_read_the_same_tensor_share_its_8_bits(monkeypatch):
    body, _ = quantised()
    torch.testing.assert_close(body.one.smooth, body.two.smooth, atol=0, rtol=0)
    calls = []
    from darl.models import int8

    once = int8._quantise
    monkeypatch.setattr(int8, "_quantise", lambda *a: calls.append(1) or once(*a))
    body(texts())
    assert len(calls) == 2
    assert body.one.shared._of is None  # nothing is held after the pass


@torch.no_grad()
def test_a_state_goes_into_empty_maps():
    body, _ = quantised(bias=True)
    torch.manual_seed(9)
    other = Body(bias=True)
    to_empty_int8(other)
    other.load_state_dict(body.state_dict(), assign=True)
    for received, expected in zip(other(texts()), body(texts()), strict=True):
        torch.testing.assert_close(received, expected, atol=0, rtol=0)


@torch.no_grad()
def test_zeros_and_one_token():
    body, _ = quantised()
    assert torch.isfinite(body(torch.zeros(1, 64))[0]).all()
    assert body(torch.zeros(1, 64))[0].abs().max() == 0
    assert body(texts().view(2, 20, 64))[0].shape == (2, 20, 32)
