"""A fresh relevance model from its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate import PartialState
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from darl.catalogue import build
from darl.errors import ConfigError
from darl.grades import GradeScale
from darl.models.adapter import attach
from darl.models.config import ModelConfig
from darl.models.encoder import MatchPooling, load_encoder, pooling_for
from darl.models.folder import is_causal
from darl.models.head import GradeHead, saved_head, start_head
from darl.models.int8 import Int8Linear
from darl.models.llm import LastToken, load_causal, softcap_of
from darl.models.machine import fast_bfloat16, settle_threads
from darl.models.neural import NeuralRelevanceModel, Scorer
from darl.models.packed_attention import read_packed, use_packing
from darl.models.prompt import CausalPrompt, EncoderPrompt, PromptTemplate
from darl.models.seed import seed_torch
from darl.models.side_by_side import read_rows, use_rows
from darl.models.store import fingerprint, resolve
from darl.models.vocabulary import Vocabulary
from darl.objectives.catalogue import OBJECTIVES
from darl.progress import SILENT, Progress


def build_model(
    config: ModelConfig,
    grade_scale: GradeScale,
    *,
    seed: int = 0,
    tokenizer_folder: Path | None = None,
    progress: Progress = SILENT,
) -> NeuralRelevanceModel:
    """A model with a fresh adapter, on the GPU of this process if it has one.

    Args:
        config: What to make.
        grade_scale: The grades to tell apart.
        seed: Of the adapter's starting weights.
        tokenizer_folder: Where the tokenizer is, if not with the backbone.
        progress: Told of a download.

    Raises:
        ConfigError: The prompt, the grade words, the objective or the adapter do not fit the backbone, or
            transformers cannot load it.
        DownloadError: The weights could not be fetched.
    """
    settle_threads()
    words = list(config.grade_words or grade_scale.names)
    if len(words) != len(grade_scale):
        raise ConfigError("grade_words", [f"expected {len(grade_scale)} words, received {words}"])
    objective = build("objective", OBJECTIVES, config.objective)
    if faults := objective.faults(len(grade_scale)):
        raise ConfigError("objective", faults)
    template = PromptTemplate.parse(config.prompt, words)
    folder = resolve(config.backbone, progress=progress, trust_remote_code=config.trust_remote_code)
    with _loading(config.backbone):
        tokenizer = _load_tokenizer(tokenizer_folder or folder, config)
    dtype = _pick_dtype(config)
    prompt: CausalPrompt | EncoderPrompt
    vocabulary: Vocabulary | None = None
    if is_causal(folder):
        prompt = CausalPrompt(tokenizer, template, config.max_length)
        word_ids = prompt.grade_word_ids(words)
        with _loading(config.backbone):
            body, head, vocabulary = load_causal(folder, dtype, word_ids, config.trust_remote_code)
        pooling: LastToken | MatchPooling = LastToken()
    else:
        prompt = EncoderPrompt(tokenizer, template, config.max_length, config.reading)
        with _loading(config.backbone):
            body = load_encoder(folder, dtype, config.trust_remote_code)
        in_rows = config.reading == "apart" and use_rows(body)
        head, pooling = _blank_head(body, len(grade_scale)), pooling_for(config.reading, in_rows)
    _check_length(body, config)
    seed_torch(seed)
    head = start_head(objective, head)
    scorer = Scorer(attach(body, config.adapter, config.backbone), pooling, head)
    scorer.to(PartialState().device)
    packs = isinstance(pooling, LastToken) and use_packing(body, config.max_length)
    return NeuralRelevanceModel(
        config, grade_scale, objective, prompt, tokenizer, scorer, fingerprint(folder), packs, vocabulary
    )


def assemble(
    config: ModelConfig,
    grade_scale: GradeScale,
    body: PreTrainedModel,
    head: Mapping[str, Tensor],
    *,
    tokenizer_folder: Path,
    causal: bool,
    packs: bool,
    fingerprint: str,
) -> NeuralRelevanceModel:
    """An exported model from its parts: 8-bit maps stay on the processor, others go to a GPU if there is one.

    Whether it packs is not tried again: where the maps round, trying cannot tell.

    Raises:
        ShapeError: The head's weights are not what the objective wants.
    """
    settle_threads()
    with _loading(config.backbone):
        tokenizer = _load_tokenizer(tokenizer_folder, config)
    template = PromptTemplate.parse(config.prompt, list(config.grade_words or grade_scale.names))
    objective = build("objective", OBJECTIVES, config.objective)
    softcap = softcap_of(body) if causal else None
    scorer = Scorer(
        body,
        LastToken() if causal else pooling_for(config.reading, packs),
        saved_head(objective, len(grade_scale), head, softcap),
    )
    if not any(isinstance(module, Int8Linear) for module in body.modules()):
        scorer.to(PartialState().device)
    if packs:
        (read_packed if causal else read_rows)(body)
    return NeuralRelevanceModel(
        config,
        grade_scale,
        objective,
        CausalPrompt(tokenizer, template, config.max_length)
        if causal
        else EncoderPrompt(tokenizer, template, config.max_length, config.reading),
        tokenizer,
        scorer,
        fingerprint,
        packs and causal,
    )


def restart_head(model: NeuralRelevanceModel) -> None:
    """Put a trained model's grade head back to where it was before any training; the adapter stays."""
    fresh = build_model(model.config, model.grade_scale).scorer.head
    model.scorer.head.load_state_dict(fresh.state_dict())


@contextmanager
def _loading(backbone: str) -> Iterator[None]:
    """What transformers has against a folder, as a fault of the config; without its own bars."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ConfigError("backbone", [f"{backbone}: transformers cannot load it: {error}"]) from error
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _check_length(body: PreTrainedModel, config: ModelConfig) -> None:
    limit = getattr(body.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(limit, int) and 0 < limit < config.max_length:
        raise ConfigError(
            "max_length", [f"expected at most {limit} for {config.backbone}, received {config.max_length}"]
        )


def _load_tokenizer(folder: Path, config: ModelConfig) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, trust_remote_code=config.trust_remote_code, local_files_only=True
    )
    if not tokenizer.is_fast:
        raise ValueError("its tokenizer is a slow one: a tokenizer.json is needed")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise ValueError("its tokenizer has neither a padding nor an end token")
    return tokenizer


def _pick_dtype(config: ModelConfig) -> torch.dtype:
    if config.dtype == "auto":
        gpu = torch.cuda.is_available()
        fast = torch.cuda.is_bf16_supported() if gpu else fast_bfloat16()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if config.dtype == "bfloat16" else torch.float32


def _blank_head(body: PreTrainedModel, n_grades: int) -> GradeHead:
    # Zeros: an encoder has no word rows to start from. Training begins by fitting it (see similarity.py).
    width = MatchPooling.widening * body.config.hidden_size
    return GradeHead(torch.zeros(n_grades, width), torch.zeros(n_grades))
