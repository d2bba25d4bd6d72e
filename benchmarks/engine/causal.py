"""A causal LM as a reranker, in the manner of the model cards of LLM rerankers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.engine.setup import SCALE, Setup
from darl.models.prompt import PromptTemplate
from darl.pairs import Pair

ANSWERS = ("no", "yes")


class CausalReranker:
    """Whole prompts in left-padded batches, logits of the whole vocabulary, softmax of yes and no.

    Args:
        setup: The run's.
        name: In tables.
        batch_size: Texts a batch; texts of similar length share a batch.
        last_only: Logits of the last place only (`logits_to_keep=1`), or of all places, as model cards do.
    """

    graded = False

    def __init__(self, setup: Setup, name: str, batch_size: int = 16, last_only: bool = False) -> None:
        self.name, self._setup = name, setup
        self._batch_size, self._last_only = batch_size, last_only
        self.dtype = setup.dtype
        places = "the last place" if last_only else "all places"
        self.description = (
            f"AutoModelForCausalLM, {self.dtype}, left-padded batches of {batch_size} by length, "
            f"vocabulary logits of {places}, softmax of yes and no"
        )
        config = setup.config()
        self._max_length = config.max_length
        self._template = PromptTemplate.parse(config.prompt, config.grade_words or SCALE.names)

    def prepare(self) -> None:
        """Load it."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = self._setup.folder
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, padding_side="left", local_files_only=True
        )
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, self.dtype), local_files_only=True
        )
        self.model = model.to(self._setup.device).eval()
        spelt = self.tokenizer([f" {answer}" for answer in ANSWERS], add_special_tokens=False)["input_ids"]
        # The space before the word may be a token of its own.
        self._answers = next(list(ids) for ids in zip(*spelt, strict=False) if len(set(ids)) == len(ids))

    def with_options(self, batch_size: int, last_only: bool) -> CausalReranker:
        """The same loaded model, used otherwise."""
        other = CausalReranker(self._setup, self.name, batch_size, last_only)
        other.tokenizer, other.model, other._answers = self.tokenizer, self.model, self._answers
        return other

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        """P(yes) against no."""
        texts = [self._template.text_of(pair) for pair in pairs]
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        scores = np.empty(len(texts))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            scores[rows] = self._batch([texts[row] for row in rows])
        return scores

    def _batch(self, texts: list[str]) -> npt.NDArray[np.float64]:
        batch = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_length, return_tensors="pt"
        ).to(self._setup.device)
        keep = {"logits_to_keep": 1} if self._last_only else {}
        logits = self.model(**batch, **keep, use_cache=False).logits[:, -1, self._answers]
        chances: npt.NDArray[np.float64] = logits.float().softmax(dim=-1)[:, 1].double().cpu().numpy()
        return chances
