"""sentence-transformers' CrossEncoder on darl's weights and texts."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.engine.setup import SCALE, Setup
from darl.models.config import ModelConfig
from darl.models.prompt import PromptTemplate
from darl.pairs import Pair

NOT_LINKED = ("config.json", "chat_template.jinja", "darl-source.json", "generation_config.json")


def classifier_folder(setup: Setup) -> Path:
    """The backbone's folder as that of a classifier with a grade a label; weights and tokenizer are links.

    A folder that calls itself a causal LM is read by CrossEncoder as a yes/no reranker with a chat template:
    other texts, and one score instead of a grade each.
    """
    folder = setup.workspace / f"classifier-{setup.folder.name}"
    if not folder.exists():
        folder.mkdir(parents=True)
        for path in setup.folder.iterdir():
            if path.is_file() and path.name not in NOT_LINKED:
                (folder / path.name).symlink_to(path.absolute())
        config = json.loads((setup.folder / "config.json").read_text(encoding="utf-8"))
        kind = config["architectures"][0].replace("ForCausalLM", "ForSequenceClassification")
        config |= {"architectures": [kind]}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def grade_rows(setup: Setup) -> torch.Tensor:
    """(K, D) the rows of darl's starting head, on the CPU: kept in a file, for one build takes its time."""
    path = setup.workspace / f"grade-rows-{setup.folder.name}.pt"
    if not path.exists():
        torch.save(setup.model().scorer.head.weight.detach().cpu(), path)
    rows: torch.Tensor = torch.load(path)
    return rows


class PromptHalves:
    """darl's prompt cut where its tokens are cut: before the space in front of the item."""

    def __init__(self, config: ModelConfig) -> None:
        self._template = PromptTemplate.parse(config.prompt, config.grade_words or SCALE.names)

    def of(self, pair: Pair) -> tuple[str, str]:
        """The two texts whose tokens, put together, are those of darl's prompt."""
        opening, middle = self._template.opening, self._template.middle
        cut = middle.rstrip(" ")
        rest = middle[len(cut) :] + self._template.body_of(pair) + self._template.closing
        return f"{opening}{pair.query}{cut}", rest


class CrossEncoderContender:
    """`CrossEncoder(folder, num_labels=3).predict(pairs_of_texts)`.

    The score head gets the rows of darl's starting head, so that the scores can be compared; its speed does
    not depend on them.
    """

    graded = True

    def __init__(self, setup: Setup, name: str, dtype: str | None = None, batch_size: int = 32) -> None:
        self.name, self._setup, self._batch_size = name, setup, batch_size
        self.dtype = dtype or setup.dtype
        self.description = (
            f"sentence-transformers CrossEncoder(num_labels=3).predict, {self.dtype}, batch {batch_size}"
        )
        self._halves = PromptHalves(setup.config())

    def prepare(self) -> None:
        """Load it."""
        from sentence_transformers import CrossEncoder

        # It warns that the score head is new, which it shall be.
        logging.getLogger("transformers.modeling_utils").setLevel(logging.ERROR)
        self.model: Any = CrossEncoder(
            str(classifier_folder(self._setup)),
            num_labels=len(SCALE),
            max_length=self._setup.config().max_length,
            device=self._setup.device,
            local_files_only=True,
            model_kwargs={"dtype": getattr(torch, self.dtype)},
        )
        with torch.no_grad():
            self.model.model.score.weight.copy_(grade_rows(self._setup))

    def with_batch(self, batch_size: int) -> CrossEncoderContender:
        """The same loaded model with another batch size."""
        other = CrossEncoderContender(self._setup, self.name, self.dtype, batch_size)
        other.model = self.model
        return other

    def token_ids(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """The tokens it reads, without padding."""
        batch = self.model.preprocess([self._halves.of(pair) for pair in pairs])
        rows = zip(batch["input_ids"].tolist(), batch["attention_mask"].tolist(), strict=True)
        return [[token for token, real in zip(*row, strict=True) if real] for row in rows]

    def score(self, pairs: Sequence[Pair]) -> npt.NDArray[np.float64]:
        """Expected grades."""
        texts = [self._halves.of(pair) for pair in pairs]
        probabilities = self.model.predict(
            texts, batch_size=self._batch_size, apply_softmax=True, show_progress_bar=False
        )
        return np.asarray(probabilities, np.float64) @ np.arange(len(SCALE))
