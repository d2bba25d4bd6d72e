"""A relevance model as a folder of standard files.

    darl.json                    what the model is made of, and the SHA-256 of every other file
    adapter_config.json          the adapter, as peft writes it
    adapter_model.safetensors
    head.safetensors             the grade head: as many biases as the objective has logits, and rows (or one)
    tokenizer.json, ...          the tokenizer, as transformers writes it
    reference.safetensors        what detectors are fitted on (optional; see reference.py)
    ood.safetensors              a fitted detector (optional; see pipeline/gauge.py)
    calibration.safetensors      how its predictions are calibrated (optional; darl calibrate)

An exported model (see export.py) has config.json and weights.safetensors instead of the adapter's files. Of
others the frozen backbone is not copied: it is named, and recognised by its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile
from types import MappingProxyType
from typing import Any, Protocol

from peft import load_peft_weights, set_peft_model_state_dict
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from darl.errors import CheckpointError, ConfigError, ShapeError
from darl.files import sha256_of, whole_folder, write_text
from darl.grades import GradeScale
from darl.models.build import assemble, build_model
from darl.models.config import Dtype, ExportFormat, ModelConfig
from darl.models.export import load_body, save_body
from darl.models.neural import NeuralRelevanceModel
from darl.models.prompt import CausalPrompt
from darl.models.reference import REFERENCE, Reference
from darl.progress import SILENT, Progress

FORMAT = 2  # 1: encoders read query and item as one sequence, and did not say so
CARD = "darl.json"
HEAD = "head.safetensors"
CALIBRATION = "calibration.safetensors"


class Kept(Protocol):
    """Something that is kept with a model, in a file of its own."""

    def save(self, path: Path) -> None:
        """Write it."""


NOTHING: Mapping[str, Kept] = MappingProxyType({})


class ExportCard(BaseModel):
    """What an exported model is, and how it compares with the model it was made from.

    Attributes:
        form: How its weights are kept.
        causal: A causal LM; otherwise an encoder.
        packs: Whether it reads packed rows; of an encoder, rows of texts side by side.
        parity: Agreement with the original, by name of the measure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: ExportFormat
    causal: bool
    packs: bool
    parity: dict[str, float]


class ModelCard(BaseModel):
    """The content of darl.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    grades: tuple[str, ...]
    model: ModelConfig
    fingerprint: str
    files: dict[str, str]
    export: ExportCard | None = None

    @property
    def uncalibrated(self) -> str:
        """SHA-256 of the card without its calibration: of all that decides what the model itself says."""
        files = {name: digest for name, digest in sorted(self.files.items()) if name != CALIBRATION}
        bare = self.model_copy(update={"files": files}).model_dump_json()
        return hashlib.sha256(bare.encode()).hexdigest()


def save_model(
    model: NeuralRelevanceModel,
    folder: Path,
    reference: Reference | None = None,
    kept: Mapping[str, Kept] = NOTHING,
) -> None:
    """Write the model to `folder`, whole or not at all, replacing a model that is there.

    Args:
        model: Not an exported one.
        folder: Where it goes.
        reference: What detectors are fitted on; None = it is not kept.
        kept: What else is kept with it, by name of the file.
    """
    if model.folded is None:
        raise ConfigError("model", ["an exported model is a folder already: copy it"])
    with whole_folder(folder) as temporary:
        # Otherwise peft looks for the backbone on a hub, to see whether its vocabulary grew; ours never does.
        model.folded.body.save_pretrained(str(temporary), save_embedding_layers=False)
        (temporary / "README.md").unlink(missing_ok=True)  # peft's empty model card
        _finish(model, temporary, None, kept if reference is None else {REFERENCE: reference, **kept})


def save_exported(
    model: NeuralRelevanceModel,
    folder: Path,
    form: ExportFormat,
    parity: dict[str, float],
    source: Path,
    kept: Mapping[str, Kept] = NOTHING,
) -> None:
    """Write an exported model to `folder`, whole or not at all.

    The reference and the calibration of its `source` folder go with it: it says the same within a tolerance.
    """
    with whole_folder(folder) as temporary:
        save_body(model, temporary)
        for name in (REFERENCE, CALIBRATION):
            if (source / name).exists():
                copyfile(source / name, temporary / name)
        causal = isinstance(model.prompt, CausalPrompt)
        in_rows = getattr(model.scorer.pooling, "in_rows", False)
        card = ExportCard(form=form, causal=causal, packs=model.packs or in_rows, parity=parity)
        _finish(model, temporary, card, kept)


def _finish(
    model: NeuralRelevanceModel, folder: Path, export: ExportCard | None, kept: Mapping[str, Kept]
) -> None:
    """Tokenizer, head, what is kept, and darl.json, which knows every other file."""
    for name, one in kept.items():
        one.save(folder / name)
    model.tokenizer.save_pretrained(str(folder))
    head = model.scorer.head.state_dict()
    save_file({name: weight.detach().cpu().contiguous() for name, weight in head.items()}, folder / HEAD)
    card = ModelCard(
        format=FORMAT,
        grades=model.grade_scale.names,
        model=model.config,
        fingerprint=model.fingerprint,
        files={
            path.relative_to(folder).as_posix(): sha256_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
        export=export,
    )
    _write_card(card, folder)


def _write_card(card: ModelCard, folder: Path) -> None:
    # Only an exported model has the last key, so that older versions read all others.
    content = card.model_dump(mode="json", exclude=None if card.export else {"export"})
    write_text(folder / CARD, json.dumps(content, indent=2) + "\n")


def put_files(folder: Path, kept: Mapping[str, Kept | None]) -> None:
    """Put files into a model folder, or take them out, and tell the card: all of them or none.

    Args:
        folder: Of a model; a link to one stays it.
        kept: By name of the file, what goes there; one of that name is replaced. None = take it out, if it is
            there.

    Raises:
        CheckpointError: The folder cannot be trusted.
    """
    folder = folder.resolve()
    card = read_card(folder)
    files = {one: digest for one, digest in card.files.items() if one not in kept}
    with whole_folder(folder) as temporary:
        for path in folder.rglob("*"):
            place = path.relative_to(folder)
            if path.is_file() and place.as_posix() not in (*kept, CARD):
                (temporary / place).parent.mkdir(parents=True, exist_ok=True)
                _link(path, temporary / place)
        for name, one in kept.items():
            if one is not None:
                one.save(temporary / name)
                files[name] = sha256_of(temporary / name)
        _write_card(card.model_copy(update={"files": dict(sorted(files.items()))}), temporary)


def _link(source: Path, target: Path) -> None:
    """A second name for a file, which may be of gigabytes; a copy where the disk knows no such thing."""
    try:
        target.hardlink_to(source)
    except OSError:
        copyfile(source, target)


def _leads_nowhere(folder: Path) -> bool:
    """Whether it is what `cp -r` makes of a model in a run, which is a link, instead of `cp -rL`."""
    return folder.is_symlink() and not folder.exists()


def read_card(folder: Path, only: str | None = None) -> ModelCard:
    """The model's darl.json, after checking that every file it lists is whole.

    Args:
        folder: Of a model.
        only: The name of the one file that is checked; None = all.

    Raises:
        CheckpointError: Not a model folder, a file is missing, truncated or altered, or the format is
            of another version of darl.
    """
    path = folder / CARD
    if not path.is_file():
        lost = f"; it is a link to {folder.readlink()}, which is not there" if _leads_nowhere(folder) else ""
        raise CheckpointError(
            f"{folder}: expected a model folder with {CARD} (written by darl train or darl run){lost}"
        )
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(raw, dict) and raw.get("format") != FORMAT:
            raise CheckpointError(
                f"{path}: expected format {FORMAT}, received {raw.get('format')!r}: another version of darl "
                "wrote it, train the model again"
            )
        card = ModelCard.model_validate(raw)
    except (ValueError, ValidationError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    for name in card.files if only is None else card.files.keys() & {only}:
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: {name} is missing; copy the whole folder again")
        if sha256_of(folder / name) != card.files[name]:
            raise CheckpointError(f"{folder}: {name} is truncated or altered; copy the whole folder again")
    return card


def load_model(
    folder: str | Path,
    *,
    backbone: str | None = None,
    dtype: Dtype | None = None,
    progress: Progress = SILENT,
) -> NeuralRelevanceModel:
    """Read a model back; its predictions are bit-identical to those of the model that was saved.

    Args:
        folder: Written by `save_model`.
        backbone: Where the backbone is now, if not where the model says.
        dtype: Of the backbone, if not as the model says; an exported model stays as it was exported.
        progress: Told of a download.

    Raises:
        CheckpointError: The folder cannot be trusted, or the backbone is not the one it was trained on.
    """
    folder = Path(folder)
    card = read_card(folder)
    if card.export is not None:
        return _load_exported(folder, card, card.export)
    kept = card.model
    config = kept.model_copy(update={"backbone": backbone or kept.backbone, "dtype": dtype or kept.dtype})
    model = build_model(config, GradeScale(card.grades), tokenizer_folder=folder, progress=progress)
    if model.fingerprint != card.fingerprint:
        raise CheckpointError(
            f"{folder}: was trained on other weights than {config.backbone} holds now; give the right ones "
            "(--backbone), or train again"
        )
    try:
        model.scorer.head.load_state_dict(load_file(folder / HEAD))
        load: Any = set_peft_model_state_dict(model.scorer.body, load_peft_weights(str(folder), device="cpu"))
    except (RuntimeError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{folder}: weights do not fit {config.backbone}: {error}") from error
    if load.unexpected_keys:
        raise CheckpointError(f"{folder}: the adapter has weights that {config.backbone} has no place for")
    return model


def _load_exported(folder: Path, card: ModelCard, export: ExportCard) -> NeuralRelevanceModel:
    try:
        return assemble(
            card.model,
            GradeScale(card.grades),
            load_body(folder, export.form),
            load_file(folder / HEAD),
            tokenizer_folder=folder,
            causal=export.causal,
            packs=export.packs,
            fingerprint=card.fingerprint,
        )
    except ShapeError as error:
        raise CheckpointError(f"{folder}: {HEAD} does not fit {CARD}: {error}") from error
