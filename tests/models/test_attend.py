import pytest
import torch

from darl.models.packed_attention import attend


@pytest.mark.parametrize("grouped", [False, True])
def test_half_precision_attends_in_float32_where_there_are_gradients(grouped, monkeypatch):
    rng = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(2, heads, 5, 8, generator=rng).bfloat16() for heads in (4, *(2 * [2 if grouped else 4]))
    )
    mask = torch.ones(2, 1, 5, 5, dtype=torch.bool).tril()
    own, types = torch.nn.functional.scaled_dot_product_attention, []

    def watched(query, *rest, **how):
        types.append(query.dtype)
        return own(query, *rest, **how)

    monkeypatch.setattr("darl.models.packed_attention.F.scaled_dot_product_attention", watched)
    plain = attend(query, key, value, mask, 0.0, None, grouped)
    trained = attend(query.requires_grad_(), key, value, mask, 0.0, None, grouped)
    assert types == [torch.bfloat16, torch.float32]
    assert trained.dtype == torch.bfloat16
    torch.testing.assert_close(trained, plain, atol=2e-2, rtol=2e-2)
    trained.float().sum().backward()
    assert query.grad.isfinite().all()
