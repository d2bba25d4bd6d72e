"""A model as a folder that needs no backbone beside it: the adapter folded in, weights as they are served.

    darl.json, head.safetensors, tokenizer.json, reference.safetensors   as in any model folder
    config.json                                                          the backbone's shape
    weights.safetensors                                                  the backbone with the adapter in it

Formats: float32; bfloat16; int8 (see int8.py), for processors. An exported model predicts; it is not trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.initialization import no_init_weights

from darl.errors import CheckpointError
from darl.models.config import ExportFormat
from darl.models.int8 import to_empty_int8, to_int8
from darl.models.neural import NeuralRelevanceModel, Scorer
from darl.pairs import Pair

WEIGHTS = "weights.safetensors"


def fold(
    model: NeuralRelevanceModel, form: ExportFormat, calibration: Sequence[Pair]
) -> NeuralRelevanceModel:
    """The model without an adapter of its own, in a format; the one that was given is used up.

    Args:
        model: With an adapter, on a CPU.
        form: How its weights are to be.
        calibration: Pairs like those it will grade; int8 looks at their activations.
    """
    merged: Any = cast("PeftModel", model.scorer.body).merge_and_unload()
    for weight in merged.parameters():
        # Not merged.to(...): that would round the buffers too, and positions are wrong in bfloat16.
        weight.data = weight.data.to(torch.bfloat16 if form == "bfloat16" else torch.float32)
    exported = NeuralRelevanceModel(
        model.config,
        model.grade_scale,
        model.objective,
        model.prompt,
        model.tokenizer,
        Scorer(merged, model.scorer.pooling, model.scorer.head),
        model.fingerprint,
        model.packs,
    )
    if form == "int8":
        to_int8(merged, lambda: exported.predict(calibration))
    return exported


def save_body(model: NeuralRelevanceModel, folder: Path) -> None:
    """Write config.json and the weights of an exported model's backbone."""
    body: Any = model.scorer.body
    body.config.save_pretrained(folder)
    state = {name: weight.detach().contiguous() for name, weight in body.state_dict().items()}
    save_file(state, folder / WEIGHTS)


def load_body(folder: Path, form: ExportFormat) -> PreTrainedModel:
    """Read back what `save_body` wrote.

    Raises:
        CheckpointError: The weights do not fit the shape.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with no_init_weights():
        body: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    if form == "int8":
        to_empty_int8(body)
    try:
        body.load_state_dict(load_file(folder / WEIGHTS), assign=True)
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: {WEIGHTS} does not fit config.json: {error}") from error
    body.requires_grad_(requires_grad=False)
    body.train(mode=False)
    exported: PreTrainedModel = body
    return exported
