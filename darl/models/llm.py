"""A causal LM as a grader: its decoder without the vocabulary head, read at the last token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from darl.errors import ConfigError
from darl.models.head import GradeHead
from darl.models.packed_attention import run_packed
from darl.models.packing import Packing
from darl.models.vocabulary import Vocabulary

Batch = dict[str, Tensor] | Packing  # texts padded to one length, or packed into one row


class LastToken(nn.Module):
    """The hidden state of each text's last token."""

    def forward(self, body: nn.Module, batch: Batch) -> Tensor:
        """Tokens of B texts, padded on the right or packed -> (B, D) features."""
        if isinstance(batch, Packing):
            return run_packed(body, batch)[batch.last]
        # A causal token never sees what is right of it, so padding there needs no mask.
        hidden: Tensor = body(input_ids=batch["input_ids"], use_cache=False).last_hidden_state
        last = batch["attention_mask"].sum(dim=1) - 1
        return hidden[torch.arange(len(hidden), device=hidden.device), last]


def load_causal(
    folder: Path, dtype: torch.dtype, word_ids: list[int], trust_remote_code: bool
) -> tuple[PreTrainedModel, GradeHead, Vocabulary]:
    """The decoder of a causal LM, a head of class logits (the LM head's rows of the grade words), the rest.

    So before any training grade_probs (under a softmax) are the LM's own next-token probabilities,
    restricted to those words.

    Raises:
        ConfigError: The LM's logits are not a linear map of its last hidden state (up to a soft cap), so
            no such head exists. Checked by running both, not by the architecture's name.
    """
    lm: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, trust_remote_code=trust_remote_code, local_files_only=True
    )
    vocabulary = lm.get_output_embeddings()
    bias = vocabulary.bias[word_ids] if vocabulary.bias is not None else torch.zeros(len(word_ids))
    head = GradeHead(vocabulary.weight[word_ids], bias, softcap_of(lm))
    body: PreTrainedModel = lm.get_decoder()
    _check_head(lm, body, head, word_ids, folder)
    return body, head, Vocabulary.of(lm, word_ids, head.softcap, folder)


def softcap_of(lm: PreTrainedModel) -> float | None:
    """c, where the LM squashes its logits to c tanh(logits / c)."""
    return getattr(lm.config.get_text_config(), "final_logit_softcapping", None)


@torch.inference_mode()
def _check_head(lm: Any, body: Any, head: GradeHead, word_ids: list[int], folder: Path) -> None:  # noqa: ANN401
    lm.eval()
    probe = torch.tensor([word_ids], device=lm.device)
    expected = lm(input_ids=probe, use_cache=False).logits[:, -1, word_ids].float()
    received = head(body(input_ids=probe, use_cache=False).last_hidden_state[:, -1])
    if not torch.allclose(expected, received, rtol=5e-2, atol=5e-2):
        raise ConfigError(
            "backbone",
            [f"{folder}: its logits are not a linear map of its last hidden state; use another causal LM"],
        )
