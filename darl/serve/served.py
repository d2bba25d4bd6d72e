"""A model as it is served: loaded whole, with what is kept beside it, and known by its digest."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from darl.files import sha256_of
from darl.grades import GradeScale
from darl.models.apart import Readings, Sides
from darl.models.checkpoint import CARD, load_model, read_card
from darl.models.config import Dtype
from darl.models.encoder import ApartPooling
from darl.models.int8 import Int8Linear
from darl.models.neural import NeuralRelevanceModel
from darl.models.packing import lexicographic, shared_lengths
from darl.models.prompt import CausalPrompt, EncoderPrompt, Tokens, template_fields
from darl.pairs import Pair
from darl.pipeline.told import Teller
from darl.predictions import IntArray
from darl.progress import SILENT, Progress
from darl.serve.answers import Table, table_of

WARM_UP = Pair("", "warm up", "", "warm up")


@dataclass(frozen=True, eq=False)
class Served:
    """A model that answers.

    Threads share it: one encodes (`encode`, `lengths`, `cut`), with a tokenizer of its own, since tokenizers
    keep how they truncate; others answer, and take turns where the model cannot be asked by several at once.

    Attributes:
        folder: Where it was loaded from.
        digest: SHA-256 of its darl.json, which holds those of its other files: which model this is.
        model: Its weights and prompt.
        teller: Its calibration and detector.
        prompt: A copy of the model's.
        fields: The item fields that the prompt reads.
        turn: What an answer waits for.
    """

    folder: Path
    digest: str
    model: NeuralRelevanceModel
    teller: Teller
    prompt: CausalPrompt | EncoderPrompt
    fields: tuple[str, ...]
    turn: AbstractContextManager[object] = field(default_factory=nullcontext)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        backbone: str | None = None,
        dtype: Dtype | None = None,
        calibrated: bool = True,
        ood: bool = True,
        progress: Progress = SILENT,
    ) -> Served:
        """Load a model's folder and let it grade once.

        Args:
            folder: Of a model.
            backbone: Where the backbone is now, if not where the model says.
            dtype: Of the backbone. None = float32 on a processor, where scores then do not depend on what is
                scored beside them, and what the model says on a GPU.
            calibrated: Whether its calibration is applied, if it has one.
            ood: Whether its detector says how unusual each pair is, if it keeps one.
            progress: Told of a download.

        Raises:
            CheckpointError: The folder cannot be trusted.
            ConfigError: Its calibration needs the detector.
        """
        digest = sha256_of(folder / CARD) if (folder / CARD).is_file() else ""
        fields = template_fields(read_card(folder, only=CARD).model.prompt)
        teller = Teller.of(folder, calibrated=calibrated, ood=ood)
        dtype = dtype or (None if torch.cuda.is_available() else "float32")
        model = load_model(folder, backbone=backbone, dtype=dtype, progress=progress)
        turn = nullcontext() if settle(model, teller) else Lock()
        served = cls(folder, digest, model, teller, copy.deepcopy(model.prompt), fields, turn)
        served.answer([WARM_UP], served.encode([WARM_UP]))
        return served

    @property
    def scale(self) -> GradeScale:
        """The grades it knows."""
        return self.model.grade_scale

    @property
    def max_length(self) -> int:
        """Tokens of a pair, at most, the prompt's own included."""
        return self.prompt.max_length

    @property
    def on_cpu(self) -> bool:
        """Whether its weights are with the processor."""
        return self.model.device.type == "cpu"

    @property
    def batch_tokens(self) -> int:
        """Tokens that fill one forward pass."""
        return self.model.batch_tokens

    def encode(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """What the model reads of each pair, cut where it is too long."""
        return self.prompt.encode(pairs)

    def lengths(self, pairs: Sequence[Pair]) -> list[int]:
        """Tokens that each pair would have if nothing were cut."""
        return self.prompt.lengths(pairs)

    def cut(self, pairs: Sequence[Pair], tokens: int) -> list[Pair]:
        """The pairs, each item cut to at most so many tokens."""
        ends = self.prompt.tokenizer(
            [pair.item for pair in pairs],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )["offset_mapping"]
        return [
            pair._replace(item=pair.item[: spans[tokens - 1][1]]) if len(spans) > tokens else pair
            for pair, spans in zip(pairs, ends, strict=True)
        ]

    def plan(self, texts: Sequence[Tokens]) -> tuple[list[int], IntArray]:
        """An order in which texts are scored well together, and what each costs in it, in tokens.

        Where rows are packed, texts that begin alike come together, and what one begins with in common with
        the one before is computed once; where query and item are read apart, each text is.
        """
        ids = [text["input_ids"] for text in texts]
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        if not self.model.packs:
            order = np.argsort(lengths, kind="stable").tolist()
            apart = isinstance(self.model.scorer.pooling, ApartPooling)
            return order, Sides.of([texts[row] for row in order]).costs() if apart else lengths[order]
        order = lexicographic(ids)
        return order, lengths[order] - shared_lengths([ids[row] for row in order])

    def answer(self, pairs: Sequence[Pair], texts: Sequence[Tokens], known: Readings | None = None) -> Table:
        """(N, 6 + K) what is told of N pairs.

        Args:
            pairs: N pairs.
            texts: What `encode` gave of them.
            known: Readings that are kept of texts, if the model reads them apart.
        """
        with self.turn:
            predictions = self.model.predict_texts(texts, known=known)
            told = self.teller.tell(self.model, pairs, predictions)
        return table_of(told, np.fromiter((len(text["input_ids"]) for text in texts), np.int64, len(texts)))

    def info(self) -> dict[str, object]:
        """What it is, for people and dashboards."""
        config, names = self.model.config, dict(enumerate(self.scale.names))
        labels = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
        return {
            "model_sha": self.digest,
            "model_dtype": str(next(self.model.scorer.body.parameters()).dtype).removeprefix("torch."),
            "model_type": {"classifier": labels},
            "max_input_length": self.max_length,
            "max_batch_tokens": self.batch_tokens,
            "grades": list(self.scale.names),
            "item_fields": list(self.fields),
            "objective": config.model_dump(mode="json")["objective"],
            "backbone": Path(config.backbone).name,
            "calibrated": self.teller.calibration is not None,
            "ood_percentile": self.teller.gauge is not None,
            "abstain": self.teller.abstains,
        }


def settle(model: NeuralRelevanceModel, teller: Teller) -> bool:
    """Fold the adapter in for good where that can be; whether threads may then share the model.

    A detector that reads the frozen weights makes each call fold and unfold. 8-bit maps share activations.
    """
    if teller.gauge is not None and teller.gauge.view.weights != "tuned":
        return False
    if model.folded is not None:
        model.folded.stay()
    return not any(isinstance(module, Int8Linear) for module in model.scorer.modules())
