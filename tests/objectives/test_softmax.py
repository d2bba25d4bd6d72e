from __future__ import annotations

import torch
from torch.nn import functional as F

from darl.objectives.softmax import Softmax
from tests.objectives.made import batch


def test_it_is_its_formula():
    logits, grades, ids = batch(3, 3)
    expected = -logits.softmax(dim=1).log()[torch.arange(7), grades].mean()
    torch.testing.assert_close(Softmax().loss(logits, grades, ids), expected)


def test_without_weights_it_is_torchs_to_the_bit():
    logits, grades, ids = batch(5, 5, size=1000)
    logits = logits.float()
    assert torch.equal(Softmax().loss(logits, grades, ids), F.cross_entropy(logits, grades))
    assert torch.equal(Softmax().grade_probs(logits), logits.softmax(dim=-1))
