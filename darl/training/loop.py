"""One stage of fine-tuning: every loss, whatever the objective, is trained by this loop."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin
from torch import Tensor, nn
from torch.optim import AdamW

from darl.errors import ConfigError, DivergedError
from darl.models.neural import NeuralRelevanceModel
from darl.models.seed import seed_torch
from darl.models.similarity import start_from_similarity
from darl.pairs import NO_RATINGS, GradedPair, Ratings
from darl.progress import SILENT, Progress, task
from darl.training.anchor import SayingAnchor, WeightAnchor
from darl.training.batches import Examples, shares, shuffled_batches
from darl.training.checkpoint import CHECKPOINT, Position, load_checkpoint, save_checkpoint
from darl.training.config import TrainingConfig
from darl.training.ema import RunningMean, put_weights
from darl.training.encoded import Encoded, lower_layers_once
from darl.training.log import StageLog
from darl.training.plan import plan_of
from darl.training.scope import only_in_scope

CHECKPOINT_SECONDS = 60.0


def train_stage(
    model: NeuralRelevanceModel,
    examples: Examples,
    valid: Sequence[GradedPair],
    config: TrainingConfig,
    *,
    seed: int,
    folder: Path,
    ratings: Ratings = NO_RATINGS,
    in_dist: Sequence[GradedPair] = (),
    name: str = "stage",
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: Progress = SILENT,
) -> NeuralRelevanceModel:
    """Train the model's adapter and head in place, and return it.

    Where `folder` holds a checkpoint of this stage the training goes on from there, and ends in the same
    weights as an uninterrupted one. Under `accelerate launch` each step's pairs are shared out among the
    processes.

    Args:
        model: What to train.
        examples: What to train on.
        valid: Held-out pairs for the validation loss after each epoch; may be empty.
        config: How.
        seed: Of batches and dropout.
        folder: Holds the log and the checkpoint.
        ratings: What several people said of some of the pairs: their loss is the mean over it.
        in_dist: In-distribution pairs for an anchor that reads some; () = those of `examples` that are not
            replayed.
        name: What progress calls the stage.
        checkpoint_seconds: Time between checkpoints within an epoch.
        progress: Told how far it is.

    Raises:
        CheckpointError: `folder` holds a checkpoint of something else, or a damaged one.
        DivergedError: The validation loss is no longer a number.
        ConfigError: `patience` is set and there is nothing to validate on, or the model's objective cannot
            be trained so.
    """
    faults = config.faults(model.objective)
    if config.patience is not None and not valid:
        faults.append("patience: needs validation pairs, received none")
    if faults:
        raise ConfigError("training", faults)
    if model.folded is None:
        raise ConfigError("model", ["an exported model cannot be trained: train the one it was made from"])
    if config.epochs:
        start_from_similarity(model, examples.all, np.random.default_rng(seed), progress)
    model.folded.forget()
    held_to, total = tuple(in_dist) or examples.main, config.epochs * len(examples)
    with only_in_scope(model, config):
        data = (valid, held_to, ratings)
        loop = _Loop(model, examples, *data, config, seed, folder, checkpoint_seconds, progress)
        with loop.lower_layers(progress), task(progress, f"train {name}", total, "training pairs"):
            loop.run(progress)
    return model


class _Loop:
    def __init__(
        self,
        model: NeuralRelevanceModel,
        examples: Examples,
        valid: Sequence[GradedPair],
        in_dist: Sequence[GradedPair],
        ratings: Ratings,
        config: TrainingConfig,
        seed: int,
        folder: Path,
        checkpoint_seconds: float,
        progress: Progress,
    ) -> None:
        self.model, self.examples, self.config, self.seed = model, examples, config, seed
        self.objective = config.objective_of(model.objective)
        self.folder, self.checkpoint_seconds = folder, checkpoint_seconds
        # What `accelerate launch` sets for its own scripts must not change what is trained here.
        self.accelerator = Accelerator(
            mixed_precision="no",
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        )
        self.train = Encoded.of(model, examples.all, ratings)
        self.valid = Encoded.of(model, valid, ratings)
        self.weights, self.body = model.trainable(), cast("Any", model.scorer.body)
        self.optimizer = _optimizer(self.weights, config)
        self.scorer: nn.Module = self.accelerator.prepare(model.scorer)
        self.plan = plan_of(model, config, examples, valid, in_dist, ratings, seed)
        self.total_steps = sum(len(self._batches(epoch)) for epoch in range(config.epochs))
        self.position, self.best = Position(), dict[str, Tensor]()
        # Before a checkpoint is read: they are of the model that the stage began with.
        self.held, self.saying = self._anchors(in_dist, progress)
        self.mean = RunningMean(self.weights, config.ema)
        if (folder / CHECKPOINT).exists():
            self.position, self.best, mean = load_checkpoint(folder, self.plan, self.weights, self.optimizer)
            self.mean.load(mean)
        self.saved_at = time.monotonic()
        self.log = StageLog(folder, self.position, self.accelerator.is_main_process)

    def _anchors(
        self, in_dist: Sequence[GradedPair], progress: Progress
    ) -> tuple[WeightAnchor | None, SayingAnchor | None]:
        how, adapter = self.config.anchor, self.model.config.adapter
        if how is None or not self.total_steps:
            return None, None
        scale = adapter.alpha / adapter.rank
        held = WeightAnchor(self.weights, scale, how.l2_sp) if how.l2_sp else None
        if not how.kl or not in_dist:
            return held, None
        steps = {"size": how.pairs, "steps": self.total_steps, "seed": self.seed}
        return held, SayingAnchor(self.model, in_dist, **steps, strength=how.kl, progress=progress)

    def run(self, progress: Progress) -> None:
        done = self._batches(self.position.epoch)[: self.position.batch]
        progress.advance(self.position.epoch * len(self.examples) + sum(map(len, done)))
        if self.config.gradient_checkpointing:
            self.body.gradient_checkpointing_enable({"use_reentrant": False})
        while self.position.epoch < self.config.epochs and not self._is_stalled():
            self._epoch(progress)
        self.mean.settle()
        if self.config.keep_best:
            put_weights(self.weights, self.best)
        self.log.close()
        if self.config.gradient_checkpointing:
            self.body.gradient_checkpointing_disable()

    def lower_layers(self, progress: Progress) -> AbstractContextManager[None]:
        """A block in which lower layers are run once for each text, as far as there are any to train."""
        if self.accelerator.num_processes > 1 or self.position.epoch >= self.config.epochs:
            return nullcontext()
        texts, limit = self.train.texts + self.valid.texts, self.config.trunk_cache_gb
        return lower_layers_once(self.model, texts, self.folder, limit, progress)

    def _is_stalled(self) -> bool:
        return self.config.patience is not None and self.position.bad_epochs >= self.config.patience

    def _batches(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        rows, queries = self.examples.epoch(rng), self.train.queries.tolist()
        size, together = self.config.batch_size, self.config.together(self.objective)
        return shuffled_batches(rows, self.train.lengths, queries, size, together, rng)

    def _epoch(self, progress: Progress) -> None:
        for batch in self._batches(self.position.epoch)[self.position.batch :]:
            self._step(batch)
            self.position.batch += 1
            progress.advance(len(batch))
            if time.monotonic() - self.saved_at >= self.checkpoint_seconds:
                self._save()
        self._validate()
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        self._save()

    def _step(self, batch: list[int]) -> None:
        self.scorer.train()
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        seed_torch(int(np.random.SeedSequence([self.seed, self.position.step, rank]).generate_state(1)[0]))
        factor = self._lr_factor()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        loss = torch.zeros((), device=self.model.device)
        size, together = self.config.micro_batch_size, self.config.together(self.objective)
        chunks = shares(batch, self.train.queries[batch].tolist(), size, together, rank, world)
        held = [] if self.saying is None else self.saying.shares(self.position.step, size, rank, world)
        kl, parts = torch.zeros_like(loss), [(self.train, *one) for one in chunks]
        parts += [(self.saying.pairs, *one) for one in held if self.saying is not None]
        for number, (data, rows, weight) in enumerate(parts):
            last = number == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.scorer):
                part = self._loss(data, rows) * weight
                self.accelerator.backward(part * world)  # processes' gradients are averaged
            total = loss if data is self.train else kl
            total += part.detach()
        told = {} if self.held is None else {"l2_sp": self.held.pull()}
        norm = self.accelerator.clip_grad_norm_(list(self.weights.values()), self.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.position.step += 1
        self.mean.update(self.position.step)
        loss = self.accelerator.reduce(loss, reduction="sum")
        told |= {} if self.saying is None else {"kl": float(self.accelerator.reduce(kl, reduction="sum"))}
        self.log.write(
            self.position.step, loss=float(loss), grad_norm=float(norm or 0), lr_factor=factor, **told
        )

    def _loss(self, data: Encoded, rows: list[int]) -> Tensor:
        """Of graded pairs the objective's; of pairs that hold the model, how far it has come from them."""
        texts = self.model.collate([data.texts[row] for row in rows])
        logits, _ = self.scorer(texts)
        if self.saying is not None and data is self.saying.pairs:
            return self.saying.loss(self.objective, logits, rows)
        return data.loss_of(self.objective, logits, rows)

    def _lr_factor(self) -> float:
        warm = max(1, round(self.config.warmup * self.total_steps))
        step = self.position.step
        return min((step + 1) / warm, (self.total_steps - step) / max(1, self.total_steps - warm + 1))

    def _validate(self) -> None:
        if not self.valid.texts:
            return
        self.model.scorer.eval()
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        shape = len(self.valid.texts), self.model.scorer.head.n_logits
        logits = torch.zeros(shape, dtype=torch.float64, device=self.model.device)
        with torch.no_grad(), self.mean.in_place():
            for rows, texts in islice(self.model.batches(self.valid.texts), rank, None, world):
                logits[rows] = self.model.scorer(texts)[0].double()
        # Each pair is one process's, and nothing in the others'.
        logits = self.accelerator.reduce(logits, reduction="sum")
        loss = self.valid.loss(self.objective, logits)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the validation loss is {loss} after step {self.position.step}: use a lower lr"
            )
        self.log.write(self.position.step, valid_loss=loss)
        if loss < self.position.best_loss:
            self.position.best_loss, self.position.bad_epochs = loss, 0
            best = self.mean.mean or self.weights
            self.best = {name: weight.detach().clone().cpu() for name, weight in best.items()}
        else:
            self.position.bad_epochs += 1

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            kept = self.weights, self.best, self.mean.mean
            save_checkpoint(self.folder, self.position, self.plan, *kept, self.optimizer)
        self.saved_at = time.monotonic()


def _optimizer(weights: dict[str, nn.Parameter], config: TrainingConfig) -> AdamW:
    head_lr = config.head_lr or config.lr
    groups = [
        {"params": [weight], "peak_lr": head_lr if name.startswith("head.") else config.lr}
        | ({"weight_decay": 0.0} if name.endswith("bias") else {})
        for name, weight in weights.items()
    ]
    return AdamW(groups, lr=config.lr, weight_decay=config.weight_decay)
