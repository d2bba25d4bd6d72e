"""transformers' Trainer with peft, set up as well as we know how."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)

from benchmarks.engine.clock import timed
from benchmarks.engine.cross_encoder import classifier_folder
from benchmarks.engine.setup import SCALE, Setup
from darl.models.neural import NeuralRelevanceModel
from darl.pairs import GradedPair
from darl.training.config import TrainingConfig

EVAL_BATCH = 16


class Float32Head(nn.Linear):
    """The score head in float32, whatever its input is."""

    def forward(self, states: Tensor) -> Tensor:
        """(..., D) -> (..., K)."""
        return F.linear(states.float(), self.weight)


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Tokens and grades of graded pairs, by darl's prompt."""

    def __init__(self, reader: NeuralRelevanceModel, graded: Sequence[GradedPair]) -> None:
        texts = reader.prompt.encode([one.pair for one in graded])
        self._rows = [
            {"input_ids": text["input_ids"], "labels": one.grade}
            for text, one in zip(texts, graded, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return self._rows[i]


def train_with_trainer(
    setup: Setup,
    train: Sequence[GradedPair],
    valid: Sequence[GradedPair],
    config: TrainingConfig,
    seed: int,
    *,
    grouped: bool,
) -> tuple[float, float, int]:
    """An epoch of Trainer.

    Args:
        setup: The run's.
        train: What to train on.
        valid: What the loss is measured on.
        config: Steps, rates and batches: those of darl.
        seed: Of the adapter and the order.
        grouped: Whether texts of similar length share a batch.

    Returns:
        Seconds of the epoch (with tokenisation), validation loss, trained weights.
    """
    reader = setup.model()
    torch.manual_seed(seed)
    model = adapted(setup, reader)
    collate = DataCollatorWithPadding(reader.tokenizer)
    with TemporaryDirectory(dir=setup.workspace) as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.lr,
            warmup_steps=config.warmup,
            lr_scheduler_type="linear",
            weight_decay=config.weight_decay,
            max_grad_norm=config.max_grad_norm,
            optim="adamw_torch",
            train_sampling_strategy="group_by_length" if grouped else "random",
            save_strategy="no",
            eval_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=setup.device != "cpu",
            use_cpu=setup.device == "cpu",
            seed=seed,
        )

        def epoch() -> None:
            trainer = Trainer(model, arguments, data_collator=collate, train_dataset=Rows(reader, train))
            trainer.remove_callback(PrinterCallback)
            trainer.train()

        seconds, _ = timed(epoch)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return seconds, validation_loss(model, Rows(reader, valid), collate), trained


def adapted(setup: Setup, reader: NeuralRelevanceModel) -> Any:  # noqa: ANN401 # peft's wrapper
    """The classifier with an adapter like darl's on the same maps, and darl's starting rows as its head."""
    body: Any = AutoModelForSequenceClassification.from_pretrained(
        classifier_folder(setup),
        num_labels=len(SCALE),
        dtype=getattr(torch, setup.dtype),
        pad_token_id=reader.tokenizer.pad_token_id,
        local_files_only=True,
    )
    body.config.use_cache = False
    head = Float32Head(body.score.in_features, len(SCALE), bias=False)
    with torch.no_grad():
        head.weight.copy_(reader.scorer.head.weight)
    body.score = head
    own: Any = reader.scorer.body.peft_config["default"]
    lora = LoraConfig(
        r=own.r,
        lora_alpha=own.lora_alpha,
        lora_dropout=own.lora_dropout,
        target_modules=own.target_modules,
        modules_to_save=["score"],
        task_type="SEQ_CLS",
    )
    return get_peft_model(body, lora).to(setup.device)


@torch.inference_mode()
def validation_loss(model: Any, rows: Rows, collate: DataCollatorWithPadding) -> float:  # noqa: ANN401
    """Mean cross-entropy."""
    model.eval()
    total = 0.0
    for start in range(0, len(rows), EVAL_BATCH):
        batch = collate([rows[i] for i in range(start, min(start + EVAL_BATCH, len(rows)))])
        batch = {key: value.to(model.device) for key, value in batch.items()}
        labels = batch.pop("labels")
        total += float(F.cross_entropy(model(**batch).logits.float(), labels, reduction="sum"))
    return total / len(rows)
