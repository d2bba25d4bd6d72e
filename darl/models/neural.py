"""The relevance model: prompt, frozen backbone, adapter, pooling, grade head, objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.adapter import FoldedAdapter
from darl.models.apart import Readings, read_apart
from darl.models.base import FeatureView
from darl.models.config import ModelConfig
from darl.models.encoder import ApartPooling, MatchPooling
from darl.models.frozen_texts import FrozenTexts
from darl.models.head import GradeHead, check_head
from darl.models.likelihood import mean_log_likelihood
from darl.models.llm import Batch, LastToken
from darl.models.lower_layers import LowerLayers
from darl.models.packing import SharedPrefix, pack, row_plan, shared_prefix
from darl.models.padding import length_batches, pad
from darl.models.prompt import CausalPrompt, EncoderPrompt, Tokens
from darl.models.views import body_at, distinct, mean_over_text, text_of
from darl.models.vocabulary import Vocabulary
from darl.models.windows import windows
from darl.objectives.base import Objective
from darl.pairs import Pair
from darl.predictions import FloatArray, Predictions
from darl.progress import SILENT, Progress, task

T = TypeVar("T")
Tensors = tuple[Tensor, ...]

# Tokens of one forward pass: on a CPU more gain nothing and cost memory, a GPU wants to be filled.
PREDICT_TOKENS, PREDICT_TOKENS_GPU = 2048, 32_768


class Scorer(nn.Module):
    """Everything with weights: body, pooling and head."""

    def __init__(
        self, body: PeftModel | PreTrainedModel, pooling: LastToken | MatchPooling, head: GradeHead
    ) -> None:
        super().__init__()
        self.body, self.pooling, self.head = body, pooling, head

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """B texts -> logits (B, n_logits) and features (B, D), both float32."""
        features = self.pooling(self.body, batch).float()
        return self.head(features), features


class NeuralRelevanceModel:
    """A backbone with an adapter and a grade head; satisfies RelevanceModel.

    Args:
        config: What it is made of.
        grade_scale: The grades it knows.
        objective: What its logits mean.
        prompt: From pairs to tokens.
        tokenizer: Pads.
        scorer: The weights.
        fingerprint: Identity of the backbone's weights.
        packs: Whether the backbone reads packed rows (see packing.py).
        vocabulary: From states to the next token; None where the backbone foretells none (an encoder), or its
            own weights are gone (an exported model).

    Raises:
        ShapeError: The head gives other logits than the objective reads.
    """

    def __init__(
        self,
        config: ModelConfig,
        grade_scale: GradeScale,
        objective: Objective,
        prompt: CausalPrompt | EncoderPrompt,
        tokenizer: PreTrainedTokenizerBase,
        scorer: Scorer,
        fingerprint: str,
        packs: bool = False,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        check_head(scorer.head, objective, len(grade_scale))
        self.config, self.grade_scale, self.objective = config, grade_scale, objective
        self.prompt, self.tokenizer, self.scorer = prompt, tokenizer, scorer
        self.fingerprint, self.packs, self.vocabulary = fingerprint, packs, vocabulary
        self.folded = FoldedAdapter(scorer.body) if isinstance(scorer.body, PeftModel) else None
        upper = config.adapter.upper_layers
        self.lower = LowerLayers(scorer.body, scorer.pooling, upper, packs=packs, of=fingerprint)
        self.frozen_texts: FrozenTexts | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.scorer.head.weight.device

    @property
    def batch_tokens(self) -> int:
        """Tokens of one forward pass without gradients, padding included."""
        return PREDICT_TOKENS if self.device.type == "cpu" else PREDICT_TOKENS_GPU

    def trainable(self) -> dict[str, nn.Parameter]:
        """The weights that training moves (adapter and head), by name."""
        return {name: weight for name, weight in self.scorer.named_parameters() if weight.requires_grad}

    def collate(self, texts: Sequence[Tokens], prefix: SharedPrefix | None = None) -> Batch:
        """Texts as one batch on the model's device: packed if the backbone can, else padded on the right."""
        if not self.packs:
            return pad(texts, int(self.tokenizer.pad_token_id), self.device)
        ids = [text["input_ids"] for text in texts]
        packing = pack(ids, self.device, prefix)
        return replace(packing, around=lambda: self.lower.skipped(packing, ids))

    def batches(
        self, texts: Sequence[Tokens], share_prefix: bool = True
    ) -> Iterator[tuple[list[int], Batch]]:
        """All texts in batches for a pass without gradients, each with the places of its texts.

        Args:
            texts: What to batch.
            share_prefix: Packed rows after the first go without the tokens that all texts begin with.
        """
        ids = [text["input_ids"] for text in texts]
        if self.packs:
            # Rows share the states of all layers or of none: where some rows skip layers, they share none.
            share = share_prefix and not self.lower.are_known
            prefix, plan = shared_prefix(ids) if share else None, row_plan(ids, self.batch_tokens)
        else:
            prefix, plan = None, length_batches([len(text) for text in ids], self.batch_tokens)
        for rows in plan:
            yield rows, self.collate([texts[row] for row in rows], prefix)

    def predict(self, pairs: Sequence[Pair], *, progress: Progress = SILENT) -> Predictions:
        """Grade N pairs; see RelevanceModel."""
        return self._graded(pairs, self.prompt.encode, progress)

    def predict_texts(
        self, texts: Sequence[Tokens], *, known: Readings | None = None, progress: Progress = SILENT
    ) -> Predictions:
        """Grade N texts that `prompt.encode` gave, in their order: for who has encoded the pairs.

        Args:
            texts: What to grade.
            known: Readings of texts that this model has read before, if it reads apart.
            progress: Told how far it is.
        """
        return self._graded(texts, list, progress, known)

    def _graded(
        self,
        inputs: Sequence[T],
        encode: Callable[[Sequence[T]], list[Tokens]],
        progress: Progress,
        known: Readings | None = None,
    ) -> Predictions:
        def grade(texts: Sequence[Tokens]) -> Iterator[tuple[list[int], Tensors]]:
            for rows, features in self._pooled(texts, self.scorer.body, known):
                logits = self.scorer.head(features)
                yield rows, (logits, self.objective.grade_probs(logits), features)

        with self._weights("tuned"), task(progress, f"predict {len(inputs):,} pairs", len(inputs), "pairs"):
            parts = self._read(inputs, encode, grade, progress)
        return Predictions(*parts) if parts else self._nothing()

    def features(
        self, pairs: Sequence[Pair], view: FeatureView, *, progress: Progress = SILENT
    ) -> FloatArray:
        """(N, D) vectors or (N, 2) likelihoods of the pairs; see RelevanceModel.

        Raises:
            ConfigError: There is no such layer, the model is an exported one and has no frozen weights, or it
                is an encoder and has no likelihood.
        """
        if view.weights == "likelihood":
            return self._likelihoods(pairs, view, progress)
        body = body_at(self.scorer.body, view.layer)

        def pool(texts: Sequence[Tokens]) -> Iterator[tuple[list[int], Tensors]]:
            for rows, features in self._pooled(texts, body):
                yield rows, (features,)

        def average(texts: Sequence[Tokens]) -> Iterator[tuple[list[int], Tensors]]:
            for rows, batch in self.batches(texts, share_prefix=False):
                yield rows, (mean_over_text(body, [texts[row] for row in rows], batch),)

        if not pairs:
            alone = self.scorer.body.config.get_text_config().hidden_size
            return self._nothing().features if view.text == "pair" else np.zeros((0, alone), np.float32)
        with self._weights(view.weights), self.lower.run_for(view.layer):
            if view.text == "pair":
                with task(progress, f"features {view}", len(pairs), "pairs"):
                    return self._read(pairs, self.prompt.encode, pool, progress)[0]
            texts, places = distinct([text_of(self.prompt, pair, view) for pair in pairs])

            def read(some: Sequence[str]) -> FloatArray:
                return self._read(some, self.prompt.encode_alone, average, progress)[0]

            with task(progress, f"features {view}", len(texts), "texts"):
                if view.weights == "tuned" or self.frozen_texts is None:
                    return read(texts)[places]
                config = self.config
                reader = self.fingerprint, config.dtype, config.max_length, config.prompt, view.layer
                return self.frozen_texts.of(reader, texts, read, progress.advance)[places]

    def _pooled(
        self, texts: Sequence[Tokens], body: nn.Module, known: Readings | None = None
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Places of texts and their (b, D) float32 features."""
        pooling = self.scorer.pooling
        if isinstance(pooling, ApartPooling):
            width = self.scorer.head.weight.shape[1] // pooling.widening
            yield from read_apart(pooling, body, texts, width, self.batch_tokens, known)
            return
        for rows, batch in self.batches(texts):
            yield rows, pooling(body, batch).float()

    def _likelihoods(self, pairs: Sequence[Pair], view: FeatureView, progress: Progress) -> FloatArray:
        vocabulary, prompt = self.vocabulary, self.prompt
        if vocabulary is None or isinstance(prompt, EncoderPrompt):
            kind, instead = "an encoder", "ask for tuned or frozen features"
            if self.folded is None:
                kind, instead = "an exported model", "use the model it was made from"
            raise ConfigError("features", [f"{view}: {kind} has no likelihood: {instead}"])
        if view.text == "pair":
            return self._twice(vocabulary, pairs, prompt.encode_marked, view, progress)
        texts, places = distinct([text_of(prompt, pair, view) for pair in pairs])
        return self._twice(vocabulary, texts, prompt.encode_alone, view, progress)[places]

    def _twice(
        self,
        vocabulary: Vocabulary,
        inputs: Sequence[T],
        encode: Callable[[Sequence[T]], list[Tokens]],
        view: FeatureView,
        progress: Progress,
    ) -> FloatArray:
        """(N, 2) mean log-likelihoods of the inputs under the frozen and under the tuned weights."""
        body = self.scorer.body
        weight = vocabulary.weight(body)

        def measure(texts: Sequence[Tokens]) -> Iterator[tuple[list[int], Tensors]]:
            for rows, batch in self.batches(texts, share_prefix=False):
                some = [texts[row] for row in rows]
                yield rows, (mean_log_likelihood(vocabulary, weight, body, some, batch),)

        found = []
        for which in ("frozen", "tuned"):
            with self._weights(which), task(progress, f"{view}, {which} weights", len(inputs), "texts"):
                found += self._read(inputs, encode, measure, progress)
        return np.concatenate(found, axis=1) if inputs else np.zeros((0, 2), np.float32)

    @torch.inference_mode()
    def _read(
        self,
        inputs: Sequence[T],
        encode: Callable[[Sequence[T]], list[Tokens]],
        read: Callable[[Sequence[Tokens]], Iterator[tuple[list[int], Tensors]]],
        progress: Progress,
    ) -> list[npt.NDArray[np.float32]]:
        """What `read` yields of each window of the inputs, put in their order; empty where there are none."""
        self.scorer.eval()
        found: list[npt.NDArray[np.float32]] = []
        for start, texts in windows(inputs, encode):
            for rows, tensors in read(texts):
                found = found or [np.empty((len(inputs), one.shape[1]), np.float32) for one in tensors]
                for array, tensor in zip(found, tensors, strict=True):
                    array[np.add(rows, start)] = tensor.cpu().numpy()
                progress.advance(len(rows))
        return found

    def _weights(self, which: Literal["tuned", "frozen"]) -> AbstractContextManager[None]:
        if self.folded is None:
            if which == "frozen":
                raise ConfigError(
                    "features",
                    ["an exported model has no frozen features: ask for tuned ones, or use the original"],
                )
            return nullcontext()
        if which == "tuned":
            return self.folded.in_place()
        return self.folded.resting()

    def _nothing(self) -> Predictions:
        head = self.scorer.head
        widths = (head.n_logits, len(self.grade_scale), head.weight.shape[1])
        return Predictions(*(np.zeros((0, columns), np.float32) for columns in widths))
